#include "ctl/packing.h"

#include <zlib.h>
#include <zstd.h>

#include <string>
#include <utility>
#include <vector>

#include "common/check.h"

namespace metasrv::ctl {
namespace {

using Status = std::expected<void, std::string>;

constexpr std::size_t kBlockBytes = std::size_t{256} * 1024;

constexpr int kZstdLevel = 3;
constexpr int kGzipLevel = 6;
constexpr int kGzipWindow = 15 + 16;  // the largest one, in a gzip frame

// What a codec did with one call.
struct Step {
  std::size_t taken = 0;
  std::size_t made = 0;
  bool frame_ended = false;
};

class ZstdUnpacker {
 public:
  ZstdUnpacker() : stream_(ZSTD_createDStream()) {}
  ~ZstdUnpacker() { ZSTD_freeDStream(stream_); }
  ZstdUnpacker(const ZstdUnpacker&) = delete;
  ZstdUnpacker& operator=(const ZstdUnpacker&) = delete;

  std::expected<Step, std::string> Run(std::string_view in, std::span<char> out) {
    ZSTD_inBuffer from{in.data(), in.size(), 0};
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    const std::size_t left = ZSTD_decompressStream(stream_, &to, &from);
    if (ZSTD_isError(left) != 0) return std::unexpected(std::string(ZSTD_getErrorName(left)));
    return Step{from.pos, to.pos, left == 0};
  }

 private:
  ZSTD_DStream* stream_;
};

class GzipUnpacker {
 public:
  GzipUnpacker() { CHECK(inflateInit2(&stream_, kGzipWindow) == Z_OK); }
  ~GzipUnpacker() { inflateEnd(&stream_); }
  GzipUnpacker(const GzipUnpacker&) = delete;
  GzipUnpacker& operator=(const GzipUnpacker&) = delete;

  std::expected<Step, std::string> Run(std::string_view in, std::span<char> out) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    const int result = inflate(&stream_, Z_NO_FLUSH);
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
      return std::unexpected(std::string(stream_.msg == nullptr ? "invalid data" : stream_.msg));
    }
    const Step step{in.size() - stream_.avail_in, out.size() - stream_.avail_out, result == Z_STREAM_END};
    if (step.frame_ended) inflateReset(&stream_);
    return step;
  }

 private:
  z_stream stream_{};
};

template <class Codec>
class UnpackingSource final : public ByteSource {
 public:
  UnpackingSource(Packing packing, std::unique_ptr<ByteSource> packed)
      : packing_(packing), packed_(std::move(packed)), block_(kBlockBytes) {}

  std::expected<std::size_t, std::string> Read(std::span<char> to) override {
    while (true) {
      if (begin_ == end_ && !ended_) {
        const auto read = packed_->Read(block_);
        if (!read) return read;
        begin_ = 0;
        end_ = *read;
        ended_ = end_ == 0;
      }
      if (ended_ && between_frames_) return 0;
      const auto step = codec_.Run({block_.data() + begin_, end_ - begin_}, to);
      if (!step) return std::unexpected(Damaged(step.error()));
      begin_ += step->taken;
      between_frames_ = step->frame_ended || (between_frames_ && step->taken == 0);
      if (step->made > 0) return step->made;
      if (ended_ && !between_frames_) return std::unexpected(CutShort());
    }
  }

 private:
  std::string Damaged(const std::string& why) const {
    return "the " + std::string(ToString(packing_)) + " data is damaged (" + why +
           "): copy the file again, or use another backup";
  }
  std::string CutShort() const {
    return "the " + std::string(ToString(packing_)) +
           " data is cut short: copy the whole file again, or use another backup";
  }

  Packing packing_;
  std::unique_ptr<ByteSource> packed_;
  Codec codec_;
  std::vector<char> block_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool ended_ = false;  // nothing more comes from packed_
  bool between_frames_ = true;
};

class ZstdSink final : public ByteSink {
 public:
  explicit ZstdSink(std::unique_ptr<ByteSink> target)
      : target_(std::move(target)), context_(ZSTD_createCCtx()), block_(kBlockBytes) {
    ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, kZstdLevel);
    ZSTD_CCtx_setParameter(context_, ZSTD_c_checksumFlag, 1);
  }
  ~ZstdSink() override { ZSTD_freeCCtx(context_); }
  ZstdSink(const ZstdSink&) = delete;
  ZstdSink& operator=(const ZstdSink&) = delete;

  Status Write(std::string_view bytes) override { return Run(bytes, ZSTD_e_continue); }
  Status Finish() override {
    if (auto ended = Run({}, ZSTD_e_end); !ended) return ended;
    return target_->Finish();
  }

 private:
  Status Run(std::string_view bytes, ZSTD_EndDirective directive) {
    ZSTD_inBuffer from{bytes.data(), bytes.size(), 0};
    for (bool more = true; more;) {
      ZSTD_outBuffer to{block_.data(), block_.size(), 0};
      const std::size_t left = ZSTD_compressStream2(context_, &to, &from, directive);
      if (ZSTD_isError(left) != 0) return std::unexpected(std::string("zstd: ") + ZSTD_getErrorName(left));
      if (auto written = target_->Write({block_.data(), to.pos}); !written) return written;
      more = directive == ZSTD_e_end ? left != 0 : from.pos < from.size;
    }
    return {};
  }

  std::unique_ptr<ByteSink> target_;
  ZSTD_CCtx* context_;
  std::vector<char> block_;
};

class GzipSink final : public ByteSink {
 public:
  explicit GzipSink(std::unique_ptr<ByteSink> target) : target_(std::move(target)), block_(kBlockBytes) {
    constexpr int kMemoryLevel = 8;  // zlib's default
    CHECK(deflateInit2(&stream_, kGzipLevel, Z_DEFLATED, kGzipWindow, kMemoryLevel, Z_DEFAULT_STRATEGY) == Z_OK);
  }
  ~GzipSink() override { deflateEnd(&stream_); }
  GzipSink(const GzipSink&) = delete;
  GzipSink& operator=(const GzipSink&) = delete;

  Status Write(std::string_view bytes) override { return Run(bytes, Z_NO_FLUSH); }
  Status Finish() override {
    if (auto ended = Run({}, Z_FINISH); !ended) return ended;
    return target_->Finish();
  }

 private:
  Status Run(std::string_view bytes, int flush) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(block_.data());
      stream_.avail_out = static_cast<uInt>(block_.size());
      deflate(&stream_, flush);
      if (auto written = target_->Write({block_.data(), block_.size() - stream_.avail_out}); !written) return written;
    } while (stream_.avail_out == 0);
    return {};
  }

  std::unique_ptr<ByteSink> target_;
  z_stream stream_{};
  std::vector<char> block_;
};

}  // namespace

Packing PackingOfName(std::string_view file) {
  if (file.ends_with(".zst")) return Packing::kZstd;
  if (file.ends_with(".gz")) return Packing::kGzip;
  return Packing::kNone;
}

Packing PackingOfContent(std::string_view first_bytes) {
  if (first_bytes.starts_with("\x28\xb5\x2f\xfd")) return Packing::kZstd;
  if (first_bytes.starts_with("\x1f\x8b")) return Packing::kGzip;
  return Packing::kNone;
}

std::string_view ToString(Packing packing) {
  CHECK(packing != Packing::kNone);
  return packing == Packing::kZstd ? "zstd" : "gzip";
}

std::unique_ptr<ByteSource> Unpack(Packing packing, std::unique_ptr<ByteSource> packed) {
  switch (packing) {
    case Packing::kZstd: return std::make_unique<UnpackingSource<ZstdUnpacker>>(packing, std::move(packed));
    case Packing::kGzip: return std::make_unique<UnpackingSource<GzipUnpacker>>(packing, std::move(packed));
    case Packing::kNone: break;
  }
  return packed;
}

std::unique_ptr<ByteSink> Pack(Packing packing, std::unique_ptr<ByteSink> target) {
  switch (packing) {
    case Packing::kZstd: return std::make_unique<ZstdSink>(std::move(target));
    case Packing::kGzip: return std::make_unique<GzipSink>(std::move(target));
    case Packing::kNone: break;
  }
  return target;
}

}  // namespace metasrv::ctl

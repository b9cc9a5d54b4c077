#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "backup/parse.h"
#include "tests/backup/document.h"
#include "tests/backup/random_records.h"

namespace metasrv::backup {
namespace {

RC_GTEST_PROP(RoundTrip, EveryRecordReadsBackAsItself, ()) {
  Record record = AnyRecord();
  std::string text = TextOf(record);
  LineParser parser;
  auto line = parser.Parse(text);
  RC_ASSERT(line.has_value());
  RC_ASSERT(line->record.index() == record.index());
  RC_ASSERT(TextOf(line->record) == text);
}

RC_GTEST_PROP(RoundTrip, EveryCommandKeepsItsBytes, ()) {
  Entry entry = Entry::Normal(AnyLogId(), AnyCommand().SerializeAsString());
  LineParser parser;
  auto line = parser.Parse(TextOf(EntryLine{entry}));
  RC_ASSERT(line.has_value());
  RC_ASSERT(std::get<EntryLine>(line->record).entry == entry);
}

RC_GTEST_PROP(RoundTrip, ACanonicalDocumentIsAFixedPoint, ()) {
  Lines lines = AnyDocument();
  auto directory = Import(lines);
  RC_ASSERT(directory.has_value());
  RC_ASSERT(Export(**directory) == lines);
}

RC_GTEST_PROP(RoundTrip, ABrokenLineIsRefusedOrMeansSomething, ()) {
  std::string text = TextOf(AnyRecord());
  for (int i = 1 + Below(4); i > 0; --i) {
    std::size_t at = static_cast<std::size_t>(Below(static_cast<int>(text.size())));
    static constexpr char kBytes[] = "[]{},:\"\\0123456789nulltruefalse-+eE. \x80\xff";
    switch (Below(3)) {
      case 0: text[at] = kBytes[Below(sizeof(kBytes) - 1)]; break;
      case 1: text.erase(at); break;
      default: text.insert(at, 1, kBytes[Below(sizeof(kBytes) - 1)]); break;
    }
    if (text.empty()) break;
  }
  LineParser parser;
  auto line = parser.Parse(text);
  if (!line.has_value() || std::holds_alternative<IgnoredLine>(line->record)) return;
  std::string again = TextOf(line->record);
  auto reread = parser.Parse(again);
  RC_ASSERT(reread.has_value());
  RC_ASSERT(TextOf(reread->record) == again);
}

}  // namespace
}  // namespace metasrv::backup

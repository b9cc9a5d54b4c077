#include "server/open_metrics.h"

#include <array>
#include <cmath>
#include <cstdio>

namespace metasrv::server {
namespace {

std::string NumberText(double value) {
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  std::array<char, 32> text{};
  const bool whole = std::floor(value) == value && std::fabs(value) < 1e15;
  std::snprintf(text.data(), text.size(), whole ? "%.0f" : "%.15g", value);
  return text.data();
}

std::string Escape(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\' || c == '"') escaped += '\\';
    escaped += c == '\n' ? ' ' : c;
  }
  return escaped;
}

// `{a="1",b="2"}`, or nothing without labels. `bound` adds the `le` of a bucket.
std::string LabelText(const prometheus::ClientMetric& metric, const std::string& bound = "") {
  std::string text;
  for (const auto& label : metric.label) {
    if (!text.empty()) text += ',';
    text += label.name + "=\"" + Escape(label.value) + "\"";
  }
  if (!bound.empty()) text += (text.empty() ? "le=\"" : ",le=\"") + bound + "\"";
  return text.empty() ? text : "{" + text + "}";
}

void AppendSample(std::string& out, const std::string& name, const std::string& labels, double value) {
  out += name + labels + " " + NumberText(value) + "\n";
}

void AppendHistogram(std::string& out, const std::string& name, const prometheus::ClientMetric& metric) {
  const auto& histogram = metric.histogram;
  AppendSample(out, name + "_sum", LabelText(metric), histogram.sample_sum);
  AppendSample(out, name + "_count", LabelText(metric), static_cast<double>(histogram.sample_count));
  for (const auto& bucket : histogram.bucket) {
    AppendSample(out, name + "_bucket", LabelText(metric, NumberText(bucket.upper_bound)),
                 static_cast<double>(bucket.cumulative_count));
  }
}

const char* TypeText(prometheus::MetricType type) {
  switch (type) {
    case prometheus::MetricType::Counter: return "counter";
    case prometheus::MetricType::Histogram: return "histogram";
    default: return "gauge";
  }
}

}  // namespace

std::string ToOpenMetrics(const std::vector<prometheus::MetricFamily>& families) {
  std::string out;
  for (const auto& family : families) {
    out += "# HELP " + family.name + " " + family.help + ".\n";
    out += "# TYPE " + family.name + " " + TypeText(family.type) + "\n";
    for (const auto& metric : family.metric) {
      if (family.type == prometheus::MetricType::Histogram) {
        AppendHistogram(out, family.name, metric);
      } else if (family.type == prometheus::MetricType::Counter) {
        AppendSample(out, family.name + "_total", LabelText(metric), metric.counter.value);
      } else {
        AppendSample(out, family.name, LabelText(metric), metric.gauge.value);
      }
    }
  }
  return out + "# EOF\n";
}

}  // namespace metasrv::server

#include "ctl/time_text.h"

#include <array>
#include <cstdio>

namespace metasrv::ctl {

// By civil-day arithmetic.
std::string UtcText(std::uint64_t millis) {
  const std::uint64_t days = millis / 86'400'000;
  const std::uint64_t in_day = millis % 86'400'000;
  const std::uint64_t shifted = days + 719'468;  // days since 0000-03-01
  const std::uint64_t era = shifted / 146'097;
  const std::uint64_t day_of_era = shifted % 146'097;
  const std::uint64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::uint64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::uint64_t month_from_march = (5 * day_of_year + 2) / 153;
  const std::uint64_t day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
  const std::uint64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  const std::uint64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  std::array<char, 96> text{};
  std::snprintf(text.data(), text.size(), "%04llu-%02llu-%02lluT%02llu:%02llu:%02llu.%03llu",
                static_cast<unsigned long long>(year), static_cast<unsigned long long>(month),
                static_cast<unsigned long long>(day), static_cast<unsigned long long>(in_day / 3'600'000),
                static_cast<unsigned long long>(in_day / 60'000 % 60),
                static_cast<unsigned long long>(in_day / 1000 % 60), static_cast<unsigned long long>(in_day % 1000));
  return text.data();
}

std::uint64_t ExpiryMillis(std::uint64_t expire_at) {
  return expire_at > 100'000'000'000 ? expire_at : expire_at * 1000;
}

// As many digits as it takes, without trailing zeros.
std::string DurationText(std::uint64_t millis) {
  if (millis == 0) return "0ns";
  if (millis < 1000) return std::to_string(millis) + "ms";
  std::string text = std::to_string(millis / 1000);
  if (std::string rest = std::to_string(1000 + millis % 1000).substr(1); rest != "000") {
    rest.erase(rest.find_last_not_of('0') + 1);
    text += "." + rest;
  }
  return text + "s";
}

}  // namespace metasrv::ctl

// HTML as text: escaping, the frame of every page, sparklines. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace collector::admin {

/// For text and for quoted attributes; passwords in URLs are hidden.
std::string escape(std::string_view text);
/// `1.5k`, `23`, `4.2M`: three digits that matter.
std::string short_number(double value);
/// `1.5 KiB`.
std::string short_bytes(double bytes);
/// `3 s ago`, `2 min ago`.
std::string ago(double seconds);

/// A line over its points, evenly spaced, as an SVG that takes the text's colour. Fewer than two
/// points draw nothing.
std::string sparkline(std::span<const double> values, int width = 160, int height = 32);

struct Frame {
  std::string prefix;  ///< of every link
  std::string title;
  std::string at;  ///< which page this is: components, targets, store, ledger, clustering
  int refresh_seconds = 0;
};
/// A whole page around `body`.
std::string document(const Frame& frame, const std::string& body);

/// A coloured word: good for healthy and up, bad for unhealthy and down, quiet for the rest.
std::string badge(std::string_view state);

}  // namespace collector::admin

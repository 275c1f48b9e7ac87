#include "discover/glob.hpp"

#include <algorithm>
#include <set>

namespace collector::discover {
namespace {

constexpr std::size_t kMost = 1'000'000;     ///< paths, against runaway patterns
constexpr std::size_t kAlternatives = 1000;  ///< what braces may unfold to
constexpr int kDeepest = 64;

/// Where the bracket or brace that opens at `at` closes, or npos.
std::size_t closing(std::string_view p, std::size_t at) {
  const bool brace = p[at] == '{';
  int depth = 0;
  for (std::size_t i = at; i < p.size(); ++i) {
    if (p[i] == '\\') {
      ++i;
    } else if (brace && p[i] == '{') {
      ++depth;
    } else if (brace && p[i] == '}') {
      if (--depth == 0) return i;
    } else if (!brace && p[i] == ']' && i > at + 1 && !(i == at + 2 && p[at + 1] == '^')) {
      return i;
    }
  }
  return std::string_view::npos;
}

/// `a{b,c}d` as `abd` and `acd`.
void unfold(std::string pattern, std::vector<std::string>& out) {
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\') {
      ++i;
      continue;
    }
    if (pattern[i] != '{') continue;
    const std::size_t end = closing(pattern, i);
    if (end == std::string::npos) break;
    std::size_t from = i + 1;
    int depth = 0;
    for (std::size_t j = i + 1; j <= end && out.size() < kAlternatives; ++j) {
      if (pattern[j] == '\\') {
        ++j;
      } else if (pattern[j] == '{') {
        ++depth;
      } else if (j == end || (pattern[j] == ',' && depth == 0)) {
        unfold(pattern.substr(0, i) + pattern.substr(from, j - from) + pattern.substr(end + 1),
               out);
        from = j + 1;
      } else if (pattern[j] == '}') {
        --depth;
      }
    }
    return;
  }
  out.push_back(std::move(pattern));
}

std::vector<std::string> parts_of(std::string_view path) {
  std::vector<std::string> parts;
  std::size_t from = 0;
  while (from <= path.size()) {
    const std::size_t end = std::min(path.find('/', from), path.size());
    if (end > from) parts.emplace_back(path.substr(from, end - from));
    from = end + 1;
  }
  return parts;
}

bool has_pattern(std::string_view part) {
  return part.find_first_of("*?[\\") != std::string_view::npos;
}

bool in_class(std::string_view set, char c) {
  const bool negated = !set.empty() && (set[0] == '^' || set[0] == '!');
  if (negated) set.remove_prefix(1);
  bool found = false;
  for (std::size_t i = 0; i < set.size(); ++i) {
    if (set[i] == '\\' && i + 1 < set.size()) ++i;
    const char low = set[i];
    char high = low;
    if (i + 2 < set.size() && set[i + 1] == '-') {
      high = set[i + 2];
      i += 2;
    }
    if (c >= low && c <= high) found = true;
  }
  return found != negated;
}

/// One part of a path, no slashes.
bool match_part(std::string_view p, std::string_view s) {
  std::size_t i = 0, j = 0;
  std::size_t star = std::string_view::npos, mark = 0;
  while (j < s.size()) {
    bool step = false;
    if (i < p.size()) {
      if (p[i] == '*') {
        star = i++;
        mark = j;
        continue;
      }
      if (p[i] == '?') {
        // A whole UTF-8 character.
        ++i;
        ++j;
        while (j < s.size() && (static_cast<unsigned char>(s[j]) & 0xc0) == 0x80) ++j;
        continue;
      }
      if (p[i] == '[') {
        const std::size_t end = closing(p, i);
        if (end != std::string_view::npos && in_class(p.substr(i + 1, end - i - 1), s[j])) {
          i = end + 1;
          ++j;
          step = true;
        }
      } else {
        const std::size_t at = p[i] == '\\' && i + 1 < p.size() ? i + 1 : i;
        if (p[at] == s[j]) {
          i = at + 1;
          ++j;
          step = true;
        }
      }
    }
    if (step) continue;
    if (star == std::string_view::npos) return false;
    i = star + 1;
    j = ++mark;
  }
  while (i < p.size() && p[i] == '*') ++i;
  return i == p.size();
}

bool match_parts(const std::vector<std::string>& p, std::size_t i,
                 const std::vector<std::string>& s, std::size_t j) {
  for (; i < p.size(); ++i, ++j) {
    if (p[i] == "**") {
      for (std::size_t k = j; k <= s.size(); ++k)
        if (match_parts(p, i + 1, s, k)) return true;
      return false;
    }
    if (j == s.size() || !match_part(p[i], s[j])) return false;
  }
  return j == s.size();
}

class Walk {
 public:
  Walk(Files& files, std::set<std::string>& found) : files_(files), found_(found) {}

  void run(const std::string& pattern) {
    parts_ = parts_of(pattern);
    visit(pattern.starts_with('/') ? "/" : "", 0, 0);
  }

 private:
  static std::string join(const std::string& base, const std::string& name) {
    if (base.empty() || base.back() == '/') return base + name;
    return base + '/' + name;
  }
  std::vector<DirectoryEntry> list(const std::string& base) {
    auto entries = files_.list(base.empty() ? "." : base);
    return entries ? std::move(*entries) : std::vector<DirectoryEntry>();
  }

  /// Beneath `**`: whether the entry is a directory, which is then visited. Links are followed, but
  /// not back to where we come from.
  bool descend(const DirectoryEntry& entry, const std::string& base, std::size_t i, int depth) {
    if (entry.kind != FileInfo::Kind::directory && entry.kind != FileInfo::Kind::symlink)
      return false;
    const std::string path = join(base, entry.name);
    const auto info = files_.info(path);
    if (!info || info->kind != FileInfo::Kind::directory)
      return entry.kind == FileInfo::Kind::directory;
    const std::pair here(info->device, info->inode);
    const bool again = entry.kind == FileInfo::Kind::symlink &&
                       std::find(above_.begin(), above_.end(), here) != above_.end();
    if (again || ++visited_ > kMost) return true;
    above_.push_back(here);
    visit(path, i, depth + 1);
    above_.pop_back();
    return true;
  }

  void visit(const std::string& base, std::size_t i, int depth) {
    if (found_.size() >= kMost || depth > kDeepest) return;
    if (i == parts_.size()) {
      if (!base.empty()) found_.insert(base);
      return;
    }
    const std::string& part = parts_[i];
    if (part == "**") {
      if (above_.empty())
        if (const auto start = files_.info(base.empty() ? "." : base))
          above_.emplace_back(start->device, start->inode);
      if (i + 1 < parts_.size() || files_.info(base)) visit(base, i + 1, depth);
      for (const DirectoryEntry& e : list(base))
        if (!descend(e, base, i, depth) && i + 1 == parts_.size())
          found_.insert(join(base, e.name));
      return;
    }
    const bool last = i + 1 == parts_.size();
    if (!has_pattern(part)) {
      const std::string path = join(base, part);
      if (!last)
        visit(path, i + 1, depth + 1);
      else if (files_.info(path))
        found_.insert(path);
      return;
    }
    for (const DirectoryEntry& e : list(base))
      if (match_part(part, e.name) &&
          (last || e.kind == FileInfo::Kind::directory || e.kind == FileInfo::Kind::symlink))
        visit(join(base, e.name), i + 1, depth + 1);
  }

  Files& files_;
  std::set<std::string>& found_;
  std::vector<std::string> parts_;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> above_;  ///< device and inode, from `**` on
  std::size_t visited_ = 0;
};

}  // namespace

bool glob_match(std::string_view pattern, std::string_view path) {
  std::vector<std::string> patterns;
  unfold(std::string(pattern), patterns);
  const auto parts = parts_of(path);
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& p) {
    return p.starts_with('/') == path.starts_with('/') && match_parts(parts_of(p), 0, parts, 0);
  });
}

std::vector<std::string> glob(Files& files, const std::string& pattern) {
  std::vector<std::string> patterns;
  unfold(pattern, patterns);
  std::set<std::string> found;
  for (const std::string& p : patterns) Walk(files, found).run(p);
  return {found.begin(), found.end()};
}

bool valid_glob(std::string_view pattern) {
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\') {
      if (++i == pattern.size()) return false;
    } else if (pattern[i] == '[') {
      const std::size_t end = closing(pattern, i);
      if (end == std::string_view::npos) return false;
      i = end;
    } else if (pattern[i] == '{' && closing(pattern, i) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}

}  // namespace collector::discover

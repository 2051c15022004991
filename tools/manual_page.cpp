// The manual page, from the texts of --help.
#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "command_texts.hpp"

namespace collapscope::tools {

namespace {

// Text as roff shows it: its own characters, hyphens that can be copied, no line taken for a request.
std::string plain(std::string_view text) {
  std::string out;
  bool line_begins = true;
  for (const char c : text) {
    if (line_begins && (c == '.' || c == '\'')) {
      out += "\\&";
    }
    line_begins = c == '\n';
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  return out;
}

constexpr std::size_t source_width = 80;                // of the page's own lines
constexpr std::string_view last_change = "2026-11-26";  // of the texts; mandoc wants a date

// A line as several that roff joins again. They end at spaces or where a word may break (\\:).
std::string in_parts(std::string_view line) {
  std::string out;
  while (line.size() > source_width) {
    const std::size_t room = source_width - 1;  // and a backslash
    const std::size_t space = line.rfind(' ', room - 1);
    const std::size_t within = line.rfind("\\:", room - 2);
    const std::size_t end = std::max(space == std::string_view::npos ? 0 : space + 1,
                                     within == std::string_view::npos ? 0 : within + 2);
    if (line.find_first_not_of(' ') >= end) {
      break;
    }
    out += fmt::format("{}\\\n", line.substr(0, end));
    line.remove_prefix(end);
  }
  return out + std::string(line);
}

// Each line of a text so.
std::string folded(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out += in_parts(text.substr(0, end));
    out += end < text.size() ? "\n" : "";
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

// Lines as they are.
std::string verbatim(std::string_view text) { return fmt::format(".nf\n{}\n.fi\n", plain(text)); }

std::string tag(const Option& option) {
  std::string line;
  for (const std::string& name : option.names) {
    line += fmt::format("{}\\fB{}\\fR", line.empty() ? "" : ", ", plain(name));
  }
  if (option.is_positional()) {
    return line + (option.repeats() ? " ..." : "");
  }
  if (!option.choices.empty()) {
    line += " ";
    for (std::size_t i = 0; i < option.choices.size(); ++i) {
      line += fmt::format("{}\\fB{}\\fR", i == 0 ? "" : "|\\:", plain(option.choices[i]));
    }
  } else if (!option.value().empty()) {
    line += fmt::format(" \\fI{}\\fR", plain(option.value()));
  }
  return line;
}

std::string options_of(const Command& command) {
  std::string out;
  std::string group = "Options";
  for (const Option& option : command.options) {
    if (option.group != group && !option.is_positional()) {
      group = option.group;
      out += fmt::format(".PP\n{}:\n", plain(group));
    }
    out += fmt::format(".TP\n{}\n{}{}\n", tag(option), plain(option.description),
                       option.preset.empty() ? "" : fmt::format(" (default: {})", plain(option.preset)));
  }
  return out;
}

std::string synopsis(const Command& command) {
  std::string line = fmt::format(R"(\fBcollapscope {}\fR [\fIoptions\fR])", plain(command.name));
  for (const Option& option : command.options) {
    if (option.is_positional()) {
      line += fmt::format(" \\fI{}\\fR{}", plain(option.names.front()), option.repeats() ? " ..." : "");
    }
  }
  return line;
}

}  // namespace

std::string manual_page(const std::vector<Command>& commands, const std::string& version) {
  const Command& program = commands.front();
  std::string page =
      fmt::format(".TH COLLAPSCOPE 1 {} \"collapscope {}\" \"User Commands\"\n", last_change, plain(version));
  page += ".SH NAME\ncollapscope \\- neural collapse metrics of trained networks\n.SH SYNOPSIS\n";
  const char* separator = "";
  for (const Command& command : commands) {
    if (!command.name.empty() && command.commands.empty()) {
      page += fmt::format("{}{}\n", separator, synopsis(command));
      separator = ".br\n";
    }
  }
  page +=
      fmt::format(".SH DESCRIPTION\n{}\n.SH OPTIONS\n{}", plain(program.description), options_of(program));
  page += ".SH COMMANDS\n";
  for (const Command& command : commands) {
    if (command.name.empty()) {
      continue;
    }
    page += fmt::format(".SS {}\n{}\n", plain(command.name), plain(command.description));
    if (command.commands.empty()) {
      page += options_of(command);
    }
    if (!command.footer.empty()) {
      page += ".PP\n" + verbatim(command.footer);
    }
  }
  page +=
      ".SH EXIT STATUS\n.TP\n0\nall done\n.TP\n1\nfinished, but some files or layers failed\n.TP\n2\nnothing "
      "done\n"
      ".SH ENVIRONMENT\n.TP\nSLURM_CPUS_PER_TASK\nthreads, where the process may use more\n"
      ".TP\nCUDA_VISIBLE_DEVICES\nGPUs that may be used\n"
      ".TP\nOPENBLAS_CORETYPE\nkernels of OpenBLAS; set by the program itself where OpenBLAS misjudges the "
      "CPU\n"
      ".TP\nNO_COLOR\nno colours on terminals\n";
  return folded(page);
}

}  // namespace collapscope::tools

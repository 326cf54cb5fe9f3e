// The little templating that the hosted page needs: nothing from outside reaches the markup unescaped by
// accident.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace clink_twin {

std::string escape_html(std::string_view text);

/// The template with each {name} replaced, in one pass, so that a value is never taken for a name; a name
/// without a value is left out. Values are escaped unless the name begins with '!'.
std::string fill(std::string_view text,
                 std::initializer_list<std::pair<std::string_view, std::string>> values);

/// A whole document around `body`, with the style sheet inside: a page asks for nothing else.
std::string html_document(const std::string& title, std::string_view style, const std::string& body);

} // namespace clink_twin

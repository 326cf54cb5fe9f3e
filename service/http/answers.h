// The forms that answers take: JSON, a redirect, a page for a customer.
#pragma once

#include "http/message.h"
#include "http/problem.h"
#include "json/json.h"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace checkout {

http_response json_answer(unsigned status, const json_value& body);
http_response json_text_answer(unsigned status, std::string body);
/// 303, not to be stored.
http_response redirect_answer(std::string location);
/// A page that stands alone: no script, nothing loaded from elsewhere. `title` and `sentence` are escaped.
http_response page_answer(unsigned status, std::string_view title, std::string_view sentence);
/// `text` as HTML text or attribute value.
std::string escape_html(std::string_view text);
/// A problem as a page for a customer.
http_response problem_page(const problem& occurrence);

/// Whether Accept names application/json and not text/html: a program asks, not a browser.
bool wants_json(const http_request& request);
/// Which of the media types, in the order of the server's own liking, the request's Accept prefers (RFC 9110
/// section 12.5.1); nothing when it takes none.
std::optional<std::size_t> choose_media_type(const http_request& request,
                                             std::span<const std::string_view> offered);
/// The problem of a request whose Accept takes no application/json; nothing when it does.
std::optional<problem> refuse_other_types(const http_request& request);
/// Whether the Content-Type is application/json, with UTF-8 if it names a charset.
bool is_json_content(const http_request& request);

} // namespace checkout

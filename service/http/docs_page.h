// The API's description as a page for people: a list of its operations, and openapi.yaml itself with a place
// to jump to for each path. Made from the text at run time; needs no script and loads nothing.
#pragma once

#include "http/message.h"

#include <string_view>

namespace checkout {

http_response make_docs_page(std::string_view openapi);

} // namespace checkout

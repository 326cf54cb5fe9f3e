// The hosted checkout page and its actions, under /pay: what a customer of the merchant sees. Plain HTML and
// form posts, so that it works without JavaScript; every action answers 303.
#pragma once

#include "core.h"

namespace clink_twin {

/// Answers GET /pay/{key} and the actions below it, `key` being "sess_…#secret" percent-encoded. Whoever has
/// not the secret gets a 404 page. Never throws.
http_response handle_page(core& twin, const http_request& request);

} // namespace clink_twin

#include "http/docs_page.h"
#include "http/handlers.h"

namespace checkout {

async_reply get_openapi(services& with, call) {
    http_response response;
    response.set("Content-Type", "application/yaml");
    response.body = with.openapi;
    co_return response;
}

async_reply get_docs(services& with, call) {
    co_return make_docs_page(with.openapi);
}

} // namespace checkout

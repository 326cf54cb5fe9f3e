#include "api.h"

#include "create_request.h"

#include "crypto/digest.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <charconv>

namespace clink_twin {

namespace asio = boost::asio;

namespace {

struct call {
    api_operation operation = api_operation::unknown;
    std::string id; ///< of the resource, where the path names one
    text_map query;
};

std::string query_value(const text_map& query, std::string_view name) {
    for (auto& [each, value] : query)
        if (each == name)
            return value;
    return {};
}

call read_call(const http_request& request) {
    call result;
    result.query = checkout::parse_query(request.query).value_or(text_map{});
    auto path = checkout::split_path(request.path).value_or(std::vector<std::string>{});
    auto is = [&](std::string_view method, std::initializer_list<std::string_view> parts) {
        return request.method == method && std::ranges::equal(path, parts);
    };
    if (is("POST", {"api", "checkout", "session"}))
        result.operation = api_operation::create;
    if (is("POST", {"api", "refund"}))
        result.operation = api_operation::refund;
    if (is("GET", {"api", "order"}))
        result.operation = api_operation::list_orders;
    if (path.empty() || path.back().empty() || result.operation != api_operation::unknown)
        return result;
    result.id = path.back();
    if (is("GET", {"api", "checkout", "session", result.id}))
        result.operation = api_operation::get_session;
    if (is("GET", {"api", "order", result.id}))
        result.operation = api_operation::get_order;
    if (is("GET", {"api", "refund", result.id}))
        result.operation = api_operation::get_refund;
    return result;
}

http_response success(json_value data) {
    return json_answer(200, json_object{{"code", 200}, {"msg", "success"}, {"data", std::move(data)}});
}

/// 10.3: HTTP 200 with a code that is not, or the code as HTTP status.
http_response refused(const core& twin, const refusal& why) {
    auto status = twin.settings.errors == error_style::http_4xx ? static_cast<unsigned>(why.code) : 200U;
    return json_answer(status, json_object{{"code", why.code}, {"msg", why.message}, {"data", nullptr}});
}

/// 1.5: a bare string, or the envelope.
http_response unauthorized(const core& twin) {
    if (twin.settings.unauthorized == unauthorized_style::envelope)
        return json_answer(
            401, json_object{{"code", 401}, {"msg", "Missing or invalid API key"}, {"data", nullptr}});
    http_response answer;
    answer.status = 401;
    answer.set("Content-Type", "text/plain");
    answer.body = "Unauthorized";
    return answer;
}

/// 1.3: current Unix milliseconds within the window, as a plain decimal string.
bool has_good_timestamp(const core& twin, const http_request& request) {
    auto window = twin.settings.timestamp_window_seconds;
    if (window == 0)
        return true;
    auto text = request.header("X-Timestamp").value_or("");
    std::int64_t stamp = 0;
    auto parsed = std::from_chars(text.data(), text.data() + text.size(), stamp);
    if (text.empty() || stamp < 0 || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size())
        return false;
    return std::abs(stamp - to_milliseconds(now())) <= window * 1000;
}

bool is_good_key(const core& twin, std::string_view text) {
    return std::ranges::any_of(twin.settings.api_keys,
                               [&](auto& key) { return checkout::equal_in_constant_time(text, key); });
}

bool is_authorized(const core& twin, const http_request& request) {
    return is_good_key(twin, request.header("X-API-KEY").value_or("")) && has_good_timestamp(twin, request);
}

/// Fields are absent or null in `url` where Clink gives none: an elements session has no hosted page (2.5).
json_value url_json(const core& twin, const session& of) {
    if (of.terms.mode == ui_mode::elements && !twin.settings.elements_url)
        return nullptr;
    return twin.page_url(of);
}

http_response create_session(core& twin, const http_request& request) {
    auto body = checkout::parse_json(request.body);
    if (!body)
        return refused(twin, {400, "the body is not valid JSON"});
    auto terms = read_create_request(*body, twin.settings.strict);
    if (!terms)
        return refused(twin, terms.error());
    auto made = twin.state.create_session(std::move(*terms), request.body, now());
    if (!made)
        return refused(twin, made.error());
    auto& kept = **made;
    return success(created_session_json(kept, url_json(twin, kept)));
}

http_response get_session(core& twin, const std::string& id) {
    auto* found = twin.state.find_session(id);
    if (!found)
        return refused(twin, {404, "SESSION_NOT_FOUND"});
    auto body = session_json(*found);
    twin.overrides.apply(id, body);
    return success(std::move(body));
}

json_object order_answer(const core& twin, const order& of) {
    auto body = order_json(of, true);
    twin.overrides.apply(of.id, body);
    return body;
}

http_response get_order(core& twin, const std::string& id) {
    auto* found = twin.state.find_order(id);
    return found ? success(order_answer(twin, *found)) : refused(twin, {404, "ORDER_NOT_FOUND"});
}

std::size_t page_number(const text_map& query, std::string_view name, std::size_t otherwise,
                        std::size_t most) {
    auto text = query_value(query, name);
    std::size_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value == 0 ? otherwise : std::min(value, most);
}

/// 1.4 and 6: rows and total at top level, at most 50 rows a page.
http_response list_orders(core& twin, const text_map& query) {
    auto reference =
        twin.settings.list_by_reference ? query_value(query, "merchantReferenceId") : std::string();
    auto found = twin.state.find_orders(
        {reference, query_value(query, "customerId"), query_value(query, "subscriptionId")});
    auto visible_until = now() - std::chrono::milliseconds(twin.settings.list_lag_ms);
    std::erase_if(found, [&](const order* each) { return each->create_time > visible_until; });
    if (twin.settings.orders == list_order::newest_first)
        std::ranges::reverse(found);
    auto size = page_number(query, "pageSize", 20, 50);
    auto page = page_number(query, "pageNum", 1, 1'000'000'000);
    json_array rows;
    for (auto at = (page - 1) * size; at < std::min(found.size(), page * size); ++at)
        rows.emplace_back(order_answer(twin, *found[at]));
    return json_answer(
        200,
        json_object{{"total", found.size()}, {"rows", std::move(rows)}, {"code", 200}, {"msg", "success"}});
}

std::string refund_reason(std::int64_t type) {
    constexpr std::array reasons = {"Duplicate payment", "Fraudulent activity", "Customer Initiated Refund"};
    return type >= 0 && type < 3 ? reasons[static_cast<std::size_t>(type)] : "Other";
}

outcome<refund_terms> read_refund(const http_request& request) {
    auto body = checkout::parse_json(request.body);
    if (!body || !body->if_object())
        return refusal{400, "the body is not a JSON object"};
    try {
        refund_terms terms;
        terms.order_id = find_text(*body, "orderId").value_or("");
        terms.merchant_refund_id = find_text(*body, "refundMerchantOrderId").value_or("");
        auto amount = find_decimal(*body, "refundAmount");
        if (terms.order_id.empty() || terms.merchant_refund_id.empty() || !amount)
            return refusal{400, "orderId, refundMerchantOrderId and refundAmount are required"};
        if (amount->is_zero() || amount->is_negative())
            return refusal{400, "refundAmount must be greater than 0"};
        terms.amount = *amount;
        terms.reason = refund_reason(find_integer(*body, "refundReasonType").value_or(3));
        return terms;
    } catch (const control_error& wrong_kind) {
        return refusal{400, wrong_kind.what()};
    }
}

http_response create_refund(core& twin, const http_request& request) {
    auto terms = read_refund(request);
    if (!terms)
        return refused(twin, terms.error());
    auto made = twin.state.refund_order(*terms, now());
    return made ? success(refund_json(**made)) : refused(twin, made.error());
}

http_response get_refund(core& twin, const std::string& id) {
    auto* found = twin.state.find_refund(id);
    return found ? success(refund_json(*found)) : refused(twin, {404, "REFUND_NOT_FOUND"});
}

http_response work(core& twin, const http_request& request, const call& what) {
    if (!is_authorized(twin, request))
        return unauthorized(twin);
    twin.state.expire_due(now());
    switch (what.operation) {
    case api_operation::create:
        return create_session(twin, request);
    case api_operation::get_session:
        return get_session(twin, what.id);
    case api_operation::get_order:
        return get_order(twin, what.id);
    case api_operation::list_orders:
        return list_orders(twin, what.query);
    case api_operation::refund:
        return create_refund(twin, request);
    case api_operation::get_refund:
        return get_refund(twin, what.id);
    case api_operation::unknown:
        break;
    }
    return json_answer(404, json_object{{"code", 404}, {"msg", "Not Found"}, {"data", nullptr}});
}

asio::awaitable<void> pause(std::chrono::milliseconds time) {
    if (time <= std::chrono::milliseconds::zero())
        co_return;
    asio::steady_timer timer(co_await asio::this_coro::executor, time);
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

/// The merchant's reference that a call is about, as far as it can be told.
std::string reference_of(const core& twin, const http_request& request, const call& what) {
    if (what.operation == api_operation::create) {
        auto body = checkout::parse_json(request.body);
        auto* reference = body ? body->find("merchantReferenceId") : nullptr;
        return reference && reference->if_string() ? *reference->if_string() : "";
    }
    if (auto* found = twin.state.find_session(what.id))
        return found->terms.merchant_reference_id.value_or("");
    if (auto* found = twin.state.find_order(what.id))
        return found->merchant_reference_id.value_or("");
    return query_value(what.query, "merchantReferenceId");
}

logged_request log_entry(const core& twin, const http_request& request, const call& what) {
    logged_request entry;
    entry.at = now();
    entry.operation = what.operation;
    entry.method = request.method;
    entry.target = request.target;
    for (auto& [name, value] : request.headers)
        entry.headers.emplace_back(name, is_good_key(twin, value) ? "(the key)" : value);
    entry.body = request.body;
    entry.merchant_reference_id = reference_of(twin, request, what);
    return entry;
}

} // namespace

http_response json_answer(unsigned status, const json_value& body) {
    http_response answer;
    answer.status = status;
    answer.set("Content-Type", "application/json");
    answer.body = checkout::write_json(body);
    return answer;
}

asio::awaitable<wire_reply> handle_api(core& twin, http_request request, std::uint64_t connection) {
    auto what = read_call(request);
    auto entry = log_entry(twin, request, what);
    entry.connection = connection;
    auto number = twin.requests.add(std::move(entry));
    auto hit = twin.faults.take(what.operation, request);
    wire_reply reply;
    auto works = !hit || hit->after_work;
    co_await pause(std::chrono::milliseconds(twin.settings.latency_ms));
    if (works)
        reply.answer = work(twin, request, what);
    if (hit) {
        co_await pause(hit->delay);
        if (!works && hit->kind == fault_kind::delay)
            reply.answer = work(twin, request, what);
        apply_fault(*hit, reply);
    }
    twin.requests.finish(number, reply.answer.status, hit ? std::string(to_text(hit->kind)) : "");
    co_return reply;
}

} // namespace clink_twin

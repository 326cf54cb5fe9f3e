#include "control_api.h"

#include "control_views.h"

#include <boost/asio/use_awaitable.hpp>

#include <charconv>

namespace clink_twin {

namespace asio = boost::asio;

namespace {

/// Answers that are not 200, thrown from where they are found.
struct control_refusal {
    unsigned status;
    std::string sentence;
};

struct control_call {
    const http_request& request;
    std::vector<std::string> path; ///< after /control
    text_map query;
    json_value body = json_object{}; ///< {} when none was sent

    bool is(std::string_view method, std::initializer_list<std::string_view> parts) const {
        return request.method == method && std::ranges::equal(path, parts);
    }
    std::string param(std::string_view name) const {
        for (auto& [each, value] : query)
            if (each == name)
                return value;
        return {};
    }
};

json_value done() {
    return json_object{{"ok", true}};
}

/// A refusal of the twin's own rules keeps its code as HTTP status.
template <class T>
const T& expect(const outcome<T>& result) {
    if (!result)
        throw control_refusal{static_cast<unsigned>(result.error().code), result.error().message};
    return *result;
}

const session& known_session(const core& twin, const std::string& id) {
    auto* found = twin.state.find_session(id);
    if (!found)
        throw control_refusal{404, "there is no session " + id};
    return *found;
}

const order& known_order(const core& twin, const std::string& id) {
    auto* found = twin.state.find_order(id);
    if (!found)
        throw control_refusal{404, "there is no order " + id};
    return *found;
}

const json_object& members_of(const json_value& body) {
    if (auto* object = body.if_object())
        return *object;
    throw control_error("the body must be an object");
}

json_value put_settings(core& twin, const control_call& call) {
    merge_settings(twin.settings, call.body);
    return settings_json(twin.settings);
}

json_value faults_view(const core& twin) {
    json_array rows;
    for (auto& each : twin.faults.all())
        rows.push_back(fault_json(each));
    return rows;
}

json_value add_faults(core& twin, const control_call& call) {
    std::vector<fault> read;
    if (auto* array = call.body.if_array())
        for (auto& each : *array)
            read.push_back(read_fault(each));
    else
        read.push_back(read_fault(call.body));
    for (auto& each : read)
        twin.faults.add(std::move(each));
    return faults_view(twin);
}

json_value sessions_view(const core& twin, const control_call& call) {
    json_array rows;
    for (auto* each : twin.state.find_sessions(call.param("merchantReferenceId")))
        rows.push_back(session_view(twin, *each));
    return rows;
}

json_value orders_view(const core& twin, const control_call& call) {
    json_array rows;
    for (auto* each : twin.state.find_orders({call.param("merchantReferenceId"), {}, {}}))
        rows.push_back(order_view(twin, *each));
    return rows;
}

json_value stats(const core& twin, const listener& front) {
    auto counters = twin.requests.counters();
    json_object result = *counters.if_object();
    result.push_back({"sessions", twin.state.find_sessions("").size()});
    result.push_back({"orders", twin.state.find_orders({}).size()});
    result.push_back({"connections", json_object{{"open", front.open_connections()},
                                                 {"accepted", front.accepted_connections()}}});
    return result;
}

json_value add_customer(core& twin, const control_call& call) {
    twin.state.customers().add({find_text(call.body, "customerId").value_or(""),
                                find_text(call.body, "customerEmail").value_or(""),
                                find_text(call.body, "referenceCustomerId").value_or("")});
    return customers_view(twin);
}

/// The order that a refund or dispute of a session is about: the one it names, else the one that paid.
const order& paid_order(const core& twin, const session& of, const json_value& body) {
    auto id = find_text(body, "orderId").value_or(of.order_id.value_or(""));
    if (id.empty())
        throw control_refusal{409, "the session has no paid order"};
    return known_order(twin, id);
}

void refund_order(core& twin, const order& of, const json_value& body) {
    expect(twin.state.refund_order(read_refund_terms(body, of), now()));
}

void dispute_order(core& twin, const order& of, const json_value& body) {
    expect(twin.state.open_dispute(of.id, read_dispute_terms(body), now()));
}

void act_on_session(core& twin, const session& of, const std::string& action, const json_value& body) {
    auto choice = read_payment_choice(body);
    if (action == "pay") {
        expect(twin.state.pay(of.id, choice, now()));
    } else if (action == "pay-after-expiry") {
        choice.after_expiry = true;
        if (of.status == session_status::open)
            expect(twin.state.expire(of.id));
        expect(twin.state.pay(of.id, choice, now()));
    } else if (action == "fail") {
        expect(twin.state.fail(of.id, choice, now()));
    } else if (action == "process") {
        expect(twin.state.process(of.id, choice, now()));
    } else if (action == "settle") {
        auto result = find_text(body, "outcome").value_or("success");
        if (result != "success" && result != "failed")
            throw control_error("outcome must be success or failed");
        expect(twin.state.settle(of.id, result == "success", choice, now()));
    } else if (action == "renew") {
        expect(twin.state.renew(of.id, now()));
    } else if (action == "expire") {
        expect(twin.state.expire(of.id));
    } else if (action == "refund") {
        refund_order(twin, paid_order(twin, of, body), body);
    } else if (action == "dispute") {
        dispute_order(twin, paid_order(twin, of, body), body);
    } else if (action == "override") {
        twin.overrides.put(of.id, members_of(body));
    } else {
        throw control_refusal{404, "a session has no action \"" + action + "\""};
    }
}

void act_on_order(core& twin, const order& of, const std::string& action, const json_value& body) {
    if (action == "refund")
        refund_order(twin, of, body);
    else if (action == "dispute")
        dispute_order(twin, of, body);
    else if (action == "override")
        twin.overrides.put(of.id, members_of(body));
    else
        throw control_refusal{404, "an order has no action \"" + action + "\""};
}

json_value settle_refund(core& twin, const std::string& id, const json_value& body) {
    auto result = find_text(body, "outcome").value_or("success");
    auto code = find_text(body, "failureCode").value_or("processor_communication_error");
    auto* settled = expect(twin.state.settle_refund(id, result == "success", code));
    return refund_json(*settled);
}

json_value forget(core& twin, const std::string& kind, const std::string& id) {
    if (kind == "sessions")
        twin.state.forget_session(known_session(twin, id).id);
    else if (kind == "orders")
        twin.state.forget_order(known_order(twin, id).id);
    else
        throw control_refusal{404, "there is no such control"};
    return done();
}

flush_order read_flush_order(const json_value& body) {
    auto name = find_text(body, "order").value_or("as_made");
    if (name == "as_made")
        return flush_order::as_made;
    if (name == "reversed")
        return flush_order::reversed;
    if (name == "shuffled")
        return flush_order::shuffled;
    throw control_error("order must be as_made, reversed or shuffled");
}

json_value send_webhook(webhook_sender& webhooks, const json_value& body) {
    auto type = find_text(body, "type").value_or("");
    auto* object = body.find("object");
    if (type.empty() || !object)
        throw control_error("type and object are required");
    return json_object{{"id", webhooks.publish_raw(type, *object, find_text(body, "id").value_or(""))}};
}

asio::awaitable<json_value> handle_webhooks(webhook_sender& webhooks, const control_call& call) {
    if (call.is("GET", {"webhooks"}))
        co_return webhooks.log(call.param("type"), call.param("sessionId"));
    if (call.is("POST", {"webhooks", "flush"})) {
        co_await webhooks.flush(read_flush_order(call.body));
        co_return webhooks.log("", "");
    }
    if (call.is("POST", {"webhooks", "await"})) {
        co_await webhooks.idle();
        co_return webhooks.log("", "");
    }
    if (call.is("POST", {"webhooks", "send"}))
        co_return send_webhook(webhooks, call.body);
    if (call.request.method == "POST" && call.path.size() == 3 && call.path[2] == "resend") {
        if (!webhooks.resend(call.path[1]))
            throw control_refusal{404, "there is no event " + call.path[1]};
        co_return done();
    }
    throw control_refusal{404, "there is no such control"};
}

json_value reset(core& twin, webhook_sender& webhooks) {
    twin.settings = twin.initial;
    twin.faults.clear();
    twin.overrides.clear();
    twin.requests.clear();
    webhooks.clear();
    twin.state.clear();
    return done();
}

std::uint64_t number_of(const std::string& text) {
    std::uint64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

json_value handle_knobs(core& twin, webhook_sender& webhooks, listener& front, const control_call& call) {
    if (call.is("GET", {"health"}))
        return done();
    if (call.is("GET", {"settings"}))
        return settings_json(twin.settings);
    if (call.is("PUT", {"settings"}))
        return put_settings(twin, call);
    if (call.is("GET", {"faults"}))
        return faults_view(twin);
    if (call.is("POST", {"faults"}))
        return add_faults(twin, call);
    if (call.is("DELETE", {"faults"})) {
        twin.faults.clear();
        return done();
    }
    if (call.is("GET", {"requests"}))
        return twin.requests.entries(call.param("operation"), call.param("merchantReferenceId"),
                                     number_of(call.param("after")));
    if (call.is("GET", {"stats"}))
        return stats(twin, front);
    if (call.is("POST", {"connections", "close"}))
        return json_object{{"closed", front.close_idle()}};
    if (call.is("POST", {"reset"}))
        return reset(twin, webhooks);
    throw control_refusal{404, "there is no such control"};
}

json_value handle_records(core& twin, const control_call& call) {
    if (call.is("GET", {"customers"}))
        return customers_view(twin);
    if (call.is("POST", {"customers"}))
        return add_customer(twin, call);
    if (call.is("GET", {"sessions"}))
        return sessions_view(twin, call);
    if (call.is("GET", {"orders"}))
        return orders_view(twin, call);
    auto& kind = call.path[0];
    if (call.request.method == "GET" && call.path.size() == 2)
        return kind == "sessions" ? session_view(twin, known_session(twin, call.path[1]))
                                  : order_view(twin, known_order(twin, call.path[1]));
    if (call.request.method != "POST" || call.path.size() != 3)
        throw control_refusal{404, "there is no such control"};
    auto& id = call.path[1];
    if (kind == "refunds" && call.path[2] == "settle")
        return settle_refund(twin, id, call.body);
    if (call.path[2] == "forget")
        return forget(twin, kind, id);
    if (kind == "orders") {
        act_on_order(twin, known_order(twin, id), call.path[2], call.body);
        return order_view(twin, known_order(twin, id));
    }
    act_on_session(twin, known_session(twin, id), call.path[2], call.body);
    return session_view(twin, known_session(twin, id));
}

bool is_record(const std::string& kind) {
    return kind == "sessions" || kind == "orders" || kind == "refunds" || kind == "customers";
}

control_call read_call(const http_request& request) {
    auto path = checkout::split_path(request.path);
    if (!path || path->size() < 2)
        throw control_refusal{404, "there is no such control"};
    control_call call{
        request, {path->begin() + 1, path->end()}, checkout::parse_query(request.query).value_or(text_map{})};
    if (request.body.empty())
        return call;
    auto body = checkout::parse_json(request.body);
    if (!body)
        throw control_refusal{400, "the body is not JSON: " + body.error().message};
    call.body = std::move(*body);
    return call;
}

asio::awaitable<json_value> answer(core& twin, webhook_sender& webhooks, listener& front,
                                   const http_request& request) {
    auto call = read_call(request);
    twin.state.expire_due(now());
    if (call.path[0] == "webhooks")
        co_return co_await handle_webhooks(webhooks, call);
    co_return is_record(call.path[0]) ? handle_records(twin, call)
                                      : handle_knobs(twin, webhooks, front, call);
}

http_response error_answer(unsigned status, const std::string& sentence) {
    return json_answer(status, json_object{{"error", sentence}});
}

} // namespace

asio::awaitable<http_response> handle_control(core& twin, webhook_sender& webhooks, listener& front,
                                              http_request request) {
    try {
        co_return json_answer(200, co_await answer(twin, webhooks, front, request));
    } catch (const control_refusal& no) {
        co_return error_answer(no.status, no.sentence);
    } catch (const control_error& wrong) {
        co_return error_answer(422, wrong.what());
    }
}

} // namespace clink_twin

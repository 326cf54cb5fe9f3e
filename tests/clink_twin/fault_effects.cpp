// What each fault makes of Clink's answer.
#include "faults.h"

#include "bend.h"

namespace clink_twin {

namespace {

http_response json_response(unsigned status, const json_value& body) {
    http_response answer;
    answer.status = status;
    answer.set("Content-Type", "application/json");
    answer.body = checkout::write_json(body);
    return answer;
}

json_value error_envelope(int code, const std::string& message) {
    return json_object{{"code", code}, {"msg", message}, {"data", nullptr}};
}

http_response status_response(const fault& which) {
    http_response answer;
    answer.status = which.status;
    answer.set("Content-Type", which.body.starts_with('{') ? "application/json" : "text/plain");
    for (auto& [name, value] : which.members)
        answer.set(name, text_of(value, name));
    answer.body = which.body;
    return answer;
}

/// Gives the answer's JSON to `change` and writes it back. An answer that is no JSON stays as it is.
template <class Change>
void bend_json(http_response& answer, Change change) {
    auto tree = checkout::parse_json(answer.body);
    if (!tree)
        return;
    change(*tree);
    answer.body = checkout::write_json(*tree);
}

json_value* find_mutable(json_value& tree, std::string_view name) {
    if (auto* object = tree.if_object())
        for (auto& member : *object)
            if (member.name == name)
                return &member.value;
    return nullptr;
}

/// The resources inside an envelope: `data`, or each of `rows`.
template <class Change>
void for_each_resource(json_value& envelope, Change change) {
    if (auto* data = find_mutable(envelope, "data"))
        change(*data);
    if (auto* rows = find_mutable(envelope, "rows"))
        if (auto* array = rows->if_array())
            for (auto& row : *array)
                change(row);
}

void rename_msg(json_value& envelope) {
    if (auto* object = envelope.if_object())
        for (auto& member : *object)
            if (member.name == "msg")
                member.name = "message";
}

void set_fields(json_value& envelope, const json_object& members) {
    for_each_resource(envelope, [&](json_value& resource) {
        if (auto* object = resource.if_object())
            for (auto& member : members)
                set_member(*object, member.name, member.value);
    });
}

void pad(http_response& answer, std::size_t bytes) {
    bend_json(answer, [&](json_value& envelope) {
        if (auto* object = envelope.if_object())
            object->push_back({"padding", std::string(bytes, 'x')});
    });
}

void bend(const fault& which, http_response& answer) {
    auto with = [&](auto change) { bend_json(answer, change); };
    switch (which.kind) {
    case fault_kind::wrong_amount:
        return with([&](json_value& tree) { scale_amounts(tree, which.factor); });
    case fault_kind::wrong_currency:
        return with([&](json_value& tree) { replace_currencies(tree, which.body); });
    case fault_kind::null_amounts:
        return with([](json_value& tree) { null_amounts(tree); });
    case fault_kind::amounts_as_strings:
        return with([](json_value& tree) { stringify_amounts(tree); });
    case fault_kind::message_instead_of_msg:
        return with([](json_value& tree) { rename_msg(tree); });
    case fault_kind::odd_spelling:
        return with([](json_value& tree) { respell_statuses(tree); });
    case fault_kind::extra_fields:
        return with([](json_value& tree) { add_unknown_members(tree); });
    case fault_kind::foreign_session:
        return with([](json_value& tree) { replace_text(tree, "sessionId", "sess_somebody_elses"); });
    case fault_kind::missing_url:
        return with([](json_value& tree) { set_fields(tree, {{"url", nullptr}}); });
    case fault_kind::set_fields:
        return with([&](json_value& tree) { set_fields(tree, which.members); });
    case fault_kind::null_data:
        answer = json_response(200, json_object{{"code", 200}, {"msg", "success"}, {"data", nullptr}});
        return;
    case fault_kind::malformed:
        answer.body = which.body.empty() ? answer.body.substr(0, answer.body.size() / 2) + "}" : which.body;
        return;
    case fault_kind::empty_200:
        answer = {};
        return;
    case fault_kind::html_200:
        answer = {};
        answer.set("Content-Type", "text/html");
        answer.body = "<html><body><h1>We will be right back</h1></body></html>";
        return;
    case fault_kind::oversize:
        return pad(answer, which.bytes);
    case fault_kind::http_status:
        answer = status_response(which);
        return;
    case fault_kind::business_error:
        answer = json_response(which.status, error_envelope(which.code, which.message));
        return;
    case fault_kind::unauthorized_text:
        answer = {};
        answer.status = 401;
        answer.body = "Unauthorized";
        return;
    case fault_kind::unauthorized_envelope:
        answer = json_response(401, error_envelope(401, "Missing or invalid API key"));
        return;
    case fault_kind::lost_answer:
    case fault_kind::close:
    case fault_kind::reset:
    case fault_kind::stall:
    case fault_kind::truncate:
    case fault_kind::slow_body:
    case fault_kind::close_after_answer:
    case fault_kind::delay:
        return;
    }
}

wire_act act_of(fault_kind kind) {
    switch (kind) {
    case fault_kind::lost_answer:
    case fault_kind::close:
        return wire_act::close;
    case fault_kind::reset:
        return wire_act::reset;
    case fault_kind::stall:
        return wire_act::stall;
    case fault_kind::truncate:
        return wire_act::truncate;
    case fault_kind::slow_body:
        return wire_act::dribble;
    case fault_kind::close_after_answer:
        return wire_act::answer_then_close;
    case fault_kind::delay:
    case fault_kind::http_status:
    case fault_kind::business_error:
    case fault_kind::unauthorized_text:
    case fault_kind::unauthorized_envelope:
    case fault_kind::malformed:
    case fault_kind::empty_200:
    case fault_kind::html_200:
    case fault_kind::oversize:
    case fault_kind::null_data:
    case fault_kind::wrong_amount:
    case fault_kind::wrong_currency:
    case fault_kind::null_amounts:
    case fault_kind::amounts_as_strings:
    case fault_kind::message_instead_of_msg:
    case fault_kind::odd_spelling:
    case fault_kind::extra_fields:
    case fault_kind::foreign_session:
    case fault_kind::missing_url:
    case fault_kind::set_fields:
        return wire_act::answer;
    }
    return wire_act::answer;
}

} // namespace

void apply_fault(const fault& which, wire_reply& reply) {
    bend(which, reply.answer);
    reply.act = act_of(which.kind);
    reply.bytes = which.bytes;
    reply.wait = which.wait;
}

} // namespace clink_twin

#include "json/json.h"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/error.hpp>
#include <boost/throw_exception.hpp>

#include <algorithm>
#include <limits>
#include <optional>
#include <stdexcept>
#include <utility>

namespace checkout {

namespace {

namespace bj = boost::json;
using boost::system::error_code;

constexpr std::size_t max_quoted_key_bytes = 64;

/// The key itself, or its beginning when it is long; cut between UTF-8 characters.
std::string quote_key(std::string_view key) {
    if (key.size() <= max_quoted_key_bytes)
        return write_json_string(key);
    std::size_t length = max_quoted_key_bytes;
    while (length > 0 && (static_cast<unsigned char>(key[length]) & 0xC0) == 0x80)
        --length;
    return write_json_string(std::string(key.substr(0, length)) + "...");
}

/// Sorting keeps the cost n log n whatever the keys are; a hash table's would be the sender's choice.
std::optional<std::string_view> find_repeated_name(const json_object& object) {
    std::vector<std::string_view> names;
    names.reserve(object.size());
    for (const json_member& member : object)
        names.push_back(member.name);
    std::ranges::sort(names);
    const auto repeated = std::ranges::adjacent_find(names);
    return repeated == names.end() ? std::nullopt : std::optional(*repeated);
}

/// Builds the tree from the parser's events. `open_` are the containers that have begun and not ended,
/// outermost first; each is placed into its parent when it ends, so nothing points into a growing vector.
class tree_builder {
public:
    static constexpr std::size_t max_array_size = std::numeric_limits<std::size_t>::max();
    static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
    static constexpr std::size_t max_string_size = std::numeric_limits<std::size_t>::max();
    static constexpr std::size_t max_key_size = std::numeric_limits<std::size_t>::max();

    json_value take_root() { return std::move(root_); }
    const std::optional<std::string>& repeated_key() const { return repeated_key_; }

    bool on_document_begin(error_code&) { return true; }
    bool on_document_end(error_code&) { return true; }

    bool on_array_begin(error_code&) { return begin(json_array()); }
    bool on_array_end(std::size_t, error_code&) { return end(); }
    bool on_object_begin(error_code&) { return begin(json_object()); }
    bool on_object_end(std::size_t, error_code& ec) {
        if (const auto name = find_repeated_name(*open_.back().if_object())) {
            repeated_key_ = quote_key(*name);
            ec = bj::error::input_error;
            return false;
        }
        return end();
    }

    bool on_key_part(bj::string_view text, std::size_t, error_code&) { return gather(text); }
    bool on_key(bj::string_view text, std::size_t, error_code&) {
        gather(text);
        open_.back().if_object()->push_back({take_text(), nullptr});
        return true;
    }
    bool on_string_part(bj::string_view text, std::size_t, error_code&) { return gather(text); }
    bool on_string(bj::string_view text, std::size_t, error_code&) {
        gather(text);
        return place(take_text());
    }

    // The converted number is of no use: the token says it exactly.
    bool on_number_part(bj::string_view token, error_code&) { return gather(token); }
    bool on_int64(std::int64_t, bj::string_view token, error_code&) { return number(token); }
    bool on_uint64(std::uint64_t, bj::string_view token, error_code&) { return number(token); }
    bool on_double(double, bj::string_view token, error_code&) { return number(token); }

    bool on_bool(bool value, error_code&) { return place(value); }
    bool on_null(error_code&) { return place(nullptr); }
    bool on_comment_part(bj::string_view, error_code&) { return true; }
    bool on_comment(bj::string_view, error_code&) { return true; }

private:
    bool begin(json_value container) {
        open_.push_back(std::move(container));
        return true;
    }
    bool end() {
        json_value done = std::move(open_.back());
        open_.pop_back();
        return place(std::move(done));
    }
    bool gather(bj::string_view text) {
        text_.append(text.data(), text.size());
        return true;
    }
    bool number(bj::string_view token) {
        gather(token);
        return place(json_number{take_text()});
    }
    std::string take_text() { return std::exchange(text_, {}); }

    bool place(json_value value) {
        if (open_.empty())
            root_ = std::move(value);
        else if (json_array* array = open_.back().if_array())
            array->push_back(std::move(value));
        else
            open_.back().if_object()->back().value = std::move(value);
        return true;
    }

    json_value root_;
    std::vector<json_value> open_;
    std::string text_; ///< what has come so far of the string, key or number under way
    std::optional<std::string> repeated_key_;
};

std::string describe(const error_code& ec, const tree_builder& builder) {
    if (builder.repeated_key())
        return "the key " + *builder.repeated_key() + " occurs twice in one object";
    if (ec == bj::error::too_deep)
        return "arrays and objects are nested too deeply";
    if (ec == bj::error::exponent_overflow)
        return "a number's exponent is out of range";
    if (ec == bj::error::incomplete)
        return "the text ends too early";
    if (ec == bj::error::extra_data)
        return "there is something after the end of the value";
    return "not valid JSON: " + ec.message();
}

void write_escaped(std::string& out, char c) {
    constexpr std::string_view hex = "0123456789abcdef";
    switch (c) {
    case '"':
        out += "\\\"";
        return;
    case '\\':
        out += "\\\\";
        return;
    case '\b':
        out += "\\b";
        return;
    case '\f':
        out += "\\f";
        return;
    case '\n':
        out += "\\n";
        return;
    case '\r':
        out += "\\r";
        return;
    case '\t':
        out += "\\t";
        return;
    }
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20) {
        out += c;
        return;
    }
    out += "\\u00";
    out += hex[byte >> 4];
    out += hex[byte & 0x0F];
}

void write_string(std::string& out, std::string_view text) {
    out += '"';
    for (const char c : text)
        write_escaped(out, c);
    out += '"';
}

enum class member_order { as_given, sorted };

class writer {
public:
    explicit writer(member_order order) : order_(order) {}

    void operator()(std::nullptr_t) { out_ += "null"; }
    void operator()(bool value) { out_ += value ? "true" : "false"; }
    void operator()(const json_number& number) { out_ += number.token; }
    void operator()(const std::string& text) { write_string(out_, text); }

    void operator()(const json_array& array) {
        out_ += '[';
        for (const json_value& element : array) {
            separate(&element == &array.front());
            write(element);
        }
        out_ += ']';
    }

    void operator()(const json_object& object) {
        out_ += '{';
        if (order_ == member_order::as_given) {
            for (const json_member& member : object)
                write_member(member, &member == &object.front());
        } else {
            const auto members = sorted(object);
            for (const json_member* member : members)
                write_member(*member, member == members.front());
        }
        out_ += '}';
    }

    void write(const json_value& value) { std::visit(*this, value.alternatives()); }
    std::string take() { return std::move(out_); }

private:
    static std::vector<const json_member*> sorted(const json_object& object) {
        std::vector<const json_member*> members;
        members.reserve(object.size());
        for (const json_member& member : object)
            members.push_back(&member);
        std::ranges::sort(members, {}, [](const json_member* m) -> std::string_view { return m->name; });
        return members;
    }
    void separate(bool first) {
        if (!first)
            out_ += ',';
    }
    void write_member(const json_member& member, bool first) {
        separate(first);
        write_string(out_, member.name);
        out_ += ':';
        write(member.value);
    }

    member_order order_;
    std::string out_;
};

std::string write_in_order(const json_value& value, member_order order) {
    writer w(order);
    w.write(value);
    return w.take();
}

} // namespace

json_value::json_value(std::int64_t value) : value_(json_number{std::to_string(value)}) {}
json_value::json_value(std::uint64_t value) : value_(json_number{std::to_string(value)}) {}
json_value::json_value(json_array value) : value_(std::move(value)) {}
json_value::json_value(json_object value) : value_(std::move(value)) {}

const json_value* json_value::find(std::string_view name) const {
    const json_object* object = if_object();
    return object ? find_member(*object, name) : nullptr;
}

bool json_value::operator==(const json_value& other) const {
    return value_ == other.value_;
}

const json_value* find_member(const json_object& object, std::string_view name) {
    const auto found = std::ranges::find(object, name, &json_member::name);
    return found == object.end() ? nullptr : &found->value;
}

void throw_exception_from_error(const json_error& error, const boost::source_location& where) {
    boost::throw_exception(
        std::runtime_error("JSON: " + error.message + " (byte " + std::to_string(error.offset) + ")"), where);
}

boost::system::result<json_value, json_error> parse_json(std::string_view text, std::size_t max_depth) {
    bj::parse_options options;
    options.max_depth = max_depth;
    bj::basic_parser<tree_builder> parser(options);
    error_code ec;
    const std::size_t offset = parser.write_some(false, text.data(), text.size(), ec);
    if (!ec && offset < text.size())
        ec = bj::error::extra_data;
    if (ec)
        return json_error{describe(ec, parser.handler()), offset};
    return parser.handler().take_root();
}

std::string write_json(const json_value& value) {
    return write_in_order(value, member_order::as_given);
}

std::string write_canonical_json(const json_value& value) {
    return write_in_order(value, member_order::sorted);
}

std::string write_json_string(std::string_view text) {
    std::string out;
    out.reserve(text.size() + 2);
    write_string(out, text);
    return out;
}

std::string append_pointer(std::string_view pointer, std::string_view token) {
    std::string out(pointer);
    out += '/';
    for (const char c : token) {
        if (c == '~')
            out += "~0";
        else if (c == '/')
            out += "~1";
        else
            out += c;
    }
    return out;
}

} // namespace checkout

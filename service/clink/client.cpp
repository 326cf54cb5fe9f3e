#include "clink/client.h"

#include "clink/base_url.h"
#include "clink/retry.h"
#include "clink/transport.h"
#include "clink/wire.h"
#include "crypto/encoding.h"
#include "observe/log.h"
#include "observe/metrics.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <random>
#include <set>
#include <stdexcept>

namespace checkout {
namespace {

namespace asio = boost::asio;
using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// A create may go out on a connection only while its peer is very unlikely to be closing it: a create that
// meets the end of its connection has an unknown outcome.
constexpr milliseconds create_max_idle{2'000};
constexpr milliseconds read_max_idle{30'000};

struct call {
    bool is_create = false;
    std::string_view operation; // for the metrics
    std::string_view route;     // without ids, for the log
    std::string target;
    call_context context;
    std::string body = {};
};

template <class T>
using envelope_reader = std::function<std::optional<T>(const json_value& envelope)>;

bool fits_header(std::string_view text) {
    return std::ranges::none_of(text,
                                [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

clink_options checked(clink_options options) {
    if (options.api_key.empty() || !fits_header(options.api_key))
        throw std::runtime_error(
            "Clink's API key is empty or holds a control character, which no header can carry");
    return options;
}

transport_options to_transport_options(const clink_options& options, const clink_base& base) {
    return {.base = base,
            .ca_file = options.ca_file,
            .answer_bytes = options.answer_bytes,
            .connections = options.connections,
            .idle_time = read_max_idle};
}

// Clink's body of a single object has it under `data` (clink-api.md 1.4).
template <class Read>
auto read_data(const json_value& envelope, Read read) -> decltype(read(envelope)) {
    const auto* data = envelope.find("data");
    return data ? read(*data) : std::nullopt;
}

std::string unix_milliseconds() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::to_string(std::chrono::duration_cast<milliseconds>(now).count());
}

milliseconds rounded(clock::duration duration) {
    return std::chrono::round<milliseconds>(duration);
}

void log_exchange(const call& asked, const exchange_report& report, int tries) {
    if (!log_enabled(log_level::debug))
        return;
    const auto status = report.http_status ? json_value(*report.http_status) : json_value();
    write_log(log_level::debug, "clink_exchange", asked.context,
              {{"method", asked.is_create ? "POST" : "GET"},
               {"route", asked.route},
               {"outcome", to_string(report.outcome)},
               {"http_status", status},
               {"tries", tries},
               {"duration_ms", static_cast<std::int64_t>(report.duration.count())}});
}

void end_span(span work, const exchange_report& report) {
    work.set("clink.outcome", to_string(report.outcome));
    if (report.code)
        work.set("clink.code", *report.code);
    if (report.http_status)
        work.set("http.response.status_code", *report.http_status);
    if (report.http_status && *report.http_status >= 400)
        work.fail(std::to_string(*report.http_status));
    else if (report.outcome != exchange_outcome::accepted)
        work.fail(to_string(report.outcome));
}

} // namespace

class clink_client::impl {
public:
    impl(asio::io_context& io, clink_options options)
        : io_(io),
          options_(checked(std::move(options))),
          base_(parse_base_url(options_.base_url)),
          transport_(io, to_transport_options(options_, base_)) {}

    template <class T>
    static asio::awaitable<clink_exchange<T>> run(std::shared_ptr<impl> self, call asked,
                                                  envelope_reader<T> read);

    void close() { transport_.close(); }
    void abandon() {
        transport_.abandon();
        for (auto* pause : pauses_)
            pause->cancel();
    }

private:
    transport_request make_request(const call& asked, const trace_context& trace) const;
    span begin_span(const call& asked, int tries) const;
    asio::awaitable<void> pause(milliseconds delay);
    template <class T>
    clink_exchange<T> read_result(const transport_result& result, const envelope_reader<T>& read) const;

    asio::io_context& io_;
    const clink_options options_;
    const clink_base base_;
    clink_transport transport_;
    std::set<asio::steady_timer*> pauses_; // between two tries
    std::mt19937 random_{std::random_device{}()};
};

template <class T>
asio::awaitable<clink_exchange<T>> clink_client::impl::run(std::shared_ptr<impl> self, call asked,
                                                           envelope_reader<T> read) {
    const auto begin = clock::now();
    const auto deadline = begin + self->options_.timeout;
    auto max_idle = asked.is_create ? create_max_idle : read_max_idle;
    for (int tries = 1;; ++tries) {
        auto work = self->begin_span(asked, tries);
        auto request = self->make_request(asked, work.context().trace);
        const auto result = co_await self->transport_.exchange(std::move(request), deadline, max_idle);
        auto exchange = self->template read_result<T>(result, read);
        end_span(std::move(work), exchange.report);
        const auto now = clock::now();
        const auto jitter = std::uniform_real_distribution<>()(self->random_);
        const retry_question question{asked.is_create, tries, rounded(deadline - now), jitter};
        const auto delay = find_retry_delay(exchange.report, result, question);
        if (!delay || self->transport_.abandoned()) {
            exchange.report.duration = rounded(now - begin);
            log_exchange(asked, exchange.report, tries);
            metrics().clink_calls.observe({asked.operation, to_string(exchange.report.outcome)}, now - begin);
            co_return exchange;
        }
        if (is_broken_reuse(result))
            max_idle = milliseconds{0};
        co_await self->pause(*delay);
    }
}

/// Ends early when Clink is abandoned; the transport sends nothing then.
asio::awaitable<void> clink_client::impl::pause(milliseconds delay) {
    asio::steady_timer timer(io_, delay);
    pauses_.insert(&timer);
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    pauses_.erase(&timer);
}

/// Of one try. The route stands for the URL, whose ids are those of pages that can be paid.
span clink_client::impl::begin_span(const call& asked, int tries) const {
    const std::string_view method = asked.is_create ? "POST" : "GET";
    auto work = options_.tracing.begin_child(
        span_kind::client, std::string(method) + " " + std::string(asked.route), asked.context);
    work.set("http.request.method", method);
    work.set("url.template", base_.path + std::string(asked.route));
    work.set("url.scheme", base_.tls ? "https" : "http");
    work.set("server.address", base_.host);
    work.set("server.port", std::stoi(base_.port));
    if (tries > 1)
        work.set("http.request.resend_count", tries - 1);
    return work;
}

transport_request clink_client::impl::make_request(const call& asked, const trace_context& trace) const {
    transport_request request;
    request.method = asked.is_create ? "POST" : "GET";
    request.target = base_.path + asked.target;
    request.headers = {{"Host", base_.host_header},
                       {"User-Agent", "clink-checkout/" + options_.version},
                       {"Accept", "application/json"},
                       {"X-API-KEY", options_.api_key},
                       {"X-Timestamp", unix_milliseconds()}};
    if (asked.is_create)
        request.headers.emplace_back("Content-Type", "application/json");
    if (trace.exists())
        request.headers.emplace_back("traceparent", write_traceparent(trace));
    if (trace.exists() && !trace.tracestate.empty())
        request.headers.emplace_back("tracestate", trace.tracestate);
    request.body = asked.body;
    return request;
}

template <class T>
clink_exchange<T> clink_client::impl::read_result(const transport_result& result,
                                                  const envelope_reader<T>& read) const {
    clink_exchange<T> exchange;
    const auto now = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
    const auto take_answer = [&](const json_value& envelope) {
        exchange.answer = read(envelope);
        return exchange.answer.has_value();
    };
    exchange.report = classify(result, take_answer, {options_.api_key, now});
    return exchange;
}

clink_client::clink_client(asio::io_context& io, clink_options options)
    : impl_(std::make_shared<impl>(io, std::move(options))) {}

clink_client::~clink_client() {
    close();
}

asio::awaitable<clink_exchange<created_session>> clink_client::create_session(create_command command) {
    const auto mode = command.terms.mode;
    call asked{.is_create = true,
               .operation = "create_session",
               .route = "/checkout/session",
               .target = "/checkout/session",
               .context = command.context,
               .body = write_create_body(command)};
    return impl::run<created_session>(impl_, std::move(asked), [mode](const json_value& envelope) {
        return read_data(envelope,
                         [mode](const json_value& data) { return read_created_session(data, mode); });
    });
}

asio::awaitable<clink_exchange<session_facts>> clink_client::get_session(clink_session_id id,
                                                                         call_context context) {
    call asked{.operation = "get_session",
               .route = "/checkout/session/{id}",
               .target = "/checkout/session/" + percent_encode(id.str()),
               .context = std::move(context)};
    return impl::run<session_facts>(
        impl_, std::move(asked), [id = std::move(id)](const json_value& envelope) {
            auto session = read_data(envelope, read_session_facts);
            return session && session->session_id == id ? std::move(session) : std::nullopt;
        });
}

asio::awaitable<clink_exchange<order_facts>> clink_client::get_order(clink_order_id id,
                                                                     call_context context) {
    call asked{.operation = "get_order",
               .route = "/order/{id}",
               .target = "/order/" + percent_encode(id.str()),
               .context = std::move(context)};
    return impl::run<order_facts>(impl_, std::move(asked), [id = std::move(id)](const json_value& envelope) {
        auto order = read_data(envelope, read_order_facts);
        return order && order->order_id == id ? std::move(order) : std::nullopt;
    });
}

asio::awaitable<clink_exchange<order_page>>
clink_client::list_orders(merchant_order_id reference, int page_number, int page_size, call_context context) {
    call asked{.operation = "list_orders",
               .route = "/order",
               .target = "/order?merchantReferenceId=" + percent_encode(reference.str()) + "&pageNum="
                         + std::to_string(page_number) + "&pageSize=" + std::to_string(page_size),
               .context = std::move(context)};
    return impl::run<order_page>(impl_, std::move(asked), read_order_page);
}

asio::awaitable<clink_exchange<order_page>> clink_client::list_all_orders(int page_number, int page_size,
                                                                          call_context context) {
    call asked{.operation = "list_orders",
               .route = "/order",
               .target =
                   "/order?pageNum=" + std::to_string(page_number) + "&pageSize=" + std::to_string(page_size),
               .context = std::move(context)};
    return impl::run<order_page>(impl_, std::move(asked), read_order_page);
}

asio::awaitable<clink_exchange<refund_facts>> clink_client::get_refund(clink_refund_id id,
                                                                       call_context context) {
    call asked{.operation = "get_refund",
               .route = "/refund/{id}",
               .target = "/refund/" + percent_encode(id.str()),
               .context = std::move(context)};
    return impl::run<refund_facts>(impl_, std::move(asked), [id = std::move(id)](const json_value& envelope) {
        auto refund = read_data(envelope, read_refund_facts);
        return refund && refund->refund_id == id ? std::move(refund) : std::nullopt;
    });
}

void clink_client::close() {
    impl_->close();
}

void clink_client::abandon() {
    impl_->abandon();
}

} // namespace checkout

// What Clink did about one order, as a random story: its sessions, orders and refunds at every moment, what
// it says of them when asked at one, and how the order's record must end, whoever heard of it when. Memory
// only; everything follows from the seed.
#pragma once

#include "domain/settle.h"

#include <cstdint>
#include <string>
#include <vector>

namespace checkout::test {

/// Random numbers that are the same on every machine (splitmix64).
class dice {
public:
    explicit dice(std::uint64_t seed) : state_(seed) {}

    std::uint64_t next() {
        auto mixed = state_ += 0x9e3779b97f4a7c15;
        mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
        return mixed ^ (mixed >> 31);
    }
    int below(int sides) { return static_cast<int>(next() % static_cast<std::uint64_t>(sides)); }
    bool one_in(int sides) { return below(sides) == 0; }
    template <class T, std::size_t size>
    T pick(const T (&values)[size]) {
        return values[below(static_cast<int>(size))];
    }

private:
    std::uint64_t state_;
};

/// How what is paid in a session compares with what was asked.
enum class pricing { exact, over, under, discounted, surcharged, converted, converted_blindly, foreign };

struct price_tag {
    decimal total;
    decimal half;
    const char* currency;
    amount_verdict verdict; ///< once all is known
};
const price_tag& price_of(pricing price);
extern const decimal asked_amount; ///< in USD, by every attempt
/// What tells of an order of that price: some of it may be told in another way, or not at all.
void set_price(order_facts& facts, pricing price, dice& chance);
/// The order was paid, refunded since or not.
bool is_successful(clink_order_status status);

/// Where a session ends that is paid after its expiry: not every word for it is documented
/// (clink-api.md 3.4).
enum class late_ending { completed, expired_and_paid, expired_and_unpaid };

/// Members that an answer leaves out; until the details are known, or for good.
enum hidden_member : unsigned {
    hides_total = 1,
    hides_subtotal = 2,
    hides_payment_currency = 4,
    hides_original_currency = 8,
    hides_items = 16,
    hides_payment_time = 32,
    hides_order_id = 64,
    hides_everything = 127
};

struct model_session {
    clink_session_id id;
    clink_session_status status = clink_session_status::open;
    clink_payment_status payment = clink_payment_status::unpaid;
    pricing price = pricing::exact;
    late_ending late = late_ending::completed;
    bool recurring = false;
    bool shows_paid_late = false; ///< the order is successful before the session says so
    bool expired = false;         ///< by the clock, whatever the session says
    int first_order = -1;         ///< the successful order that it names
    unsigned hidden = 0;          ///< until `detailed`
    unsigned never_shown = 0;
    bool detailed = false;
    instant expire_time{};
    std::string reference;
};

struct model_order {
    order_facts facts; ///< complete
    int session = 0;
    unsigned hidden = 0;
    bool detailed = false;
    decimal refunded; ///< of the refunds that succeeded, in the payment's currency
    refund_extent extent = refund_extent::none;
};

struct model_refund {
    refund_facts facts;
    int order = 0;
    bool hides_amount = false;
};

/// Clink at one moment. Session i is that of the order's attempt i + 1.
struct clink_moment {
    std::vector<model_session> sessions;
    std::vector<model_order> orders;
    std::vector<model_refund> refunds;
    instant now{};

    session_facts say_session(int session) const;
    order_facts say_order(int order) const;
    refund_facts say_refund(int refund) const;
    /// Of the session's orders, oldest first, those that have a place in a list; the newest may not yet.
    std::vector<int> list_orders(int session, bool with_newest) const;
    bool is_successful(int order) const;
};

struct clink_story {
    explicit clink_story(std::uint64_t seed);

    order_record order;                ///< before Clink was ever asked
    std::vector<clink_moment> moments; ///< the last one is final: nothing is under way any more
    std::vector<std::string> plot;     ///< what happened before each moment

    const clink_moment& last() const { return moments.back(); }
};

/// The record at the end as one text: state, sessions, payments, refunds and open discrepancies.
std::string expected_end(const clink_story& story);

} // namespace checkout::test

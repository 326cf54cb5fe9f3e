#include "clink_model.h"

#include <algorithm>

namespace checkout::test {

namespace {

using namespace std::chrono_literals;

const instant story_start = instant{} + 500'000h;
constexpr auto pace = 1min; ///< between two moments
constexpr auto never_expires = 48h;

/// Makes a story up, moment by moment.
class story_teller {
public:
    story_teller(std::uint64_t seed, clink_story& story) : dice_(seed), story_(story) {}

    void tell() {
        make_order();
        remember("the order is on record");
        for (int left = dice_.below(7); left > 0; --left)
            happen();
        for (std::size_t each = 0; each < now_.sessions.size(); ++each)
            resolve(static_cast<int>(each));
        for (int refund = 0; refund < count(now_.refunds); ++refund)
            if (!is_final(now_.refunds[refund].facts.status) && !dice_.one_in(4))
                finish_refund(refund);
        show_everything();
        set_expiries();
    }

private:
    template <class T>
    static int count(const std::vector<T>& items) {
        return static_cast<int>(items.size());
    }

    void remember(std::string what) {
        story_.moments.push_back(now_);
        story_.plot.push_back(std::move(what));
        now_.now += pace;
    }

    void make_order() {
        auto& order = story_.order;
        order.key = order_key{1};
        order.id = merchant_order_id("ORD-1");
        order.version = 1;
        now_.now = order.created_at = order.updated_at = order.read_at = story_start;
        order.last_attempt = 1 + dice_.below(dice_.one_in(3) ? 4 : 2);
        if (dice_.one_in(6)) {
            order.cancelled_at = story_start;
            order.state = order_state::cancelled;
        }
        for (int attempt = 1; attempt <= order.last_attempt; ++attempt)
            add_attempt(attempt);
    }

    /// Before the last one there are only attempts that let another follow.
    void add_attempt(int number) {
        session_record session;
        session.attempt = number;
        session.id = attempt_id("a" + std::to_string(number));
        session.original = {asked_amount, "USD"};
        session.created_at = story_start;
        auto clinks = make_session(number);
        session.allow_promotion_codes = clinks.price == pricing::discounted;
        const bool is_last = number == story_.order.last_attempt;
        switch (dice_.below(is_last ? 10 : 5)) {
        case 0:
            session.status = dice_.one_in(3) ? session_status::refused : session_status::dark;
            break;
        case 1:
            session.status = is_last && dice_.one_in(3) ? session_status::creating : session_status::dark;
            if (session.status == session_status::dark && dice_.one_in(2))
                session.session_id = clinks.id;
            break;
        case 2:
            release(session, clinks);
            session.status = session_status::expired;
            session.ended_at = story_start;
            session.url.reset();
            session.settled_by = evidence::sweeper;
            clinks.status = clink_session_status::expired;
            clinks.expired = true;
            break;
        default:
            release(session, clinks);
            if (!is_last)
                session.superseded_at = story_start;
        }
        if (session.released() || session.session_id)
            clinks.reference = dice_.one_in(20) ? "ORD-2" : "ORD-1";
        story_.order.sessions.push_back(session);
        now_.sessions.push_back(clinks);
    }

    void release(session_record& session, const model_session& clinks) {
        session.status = session_status::open;
        session.session_id = clinks.id;
        session.released_at = story_start;
        session.url = "https://x.test";
        expiry_as_created_.resize(static_cast<std::size_t>(session.attempt), 0);
        expiry_as_created_.back() = dice_.one_in(6) ? dice_.below(9) - 4 : 0;
    }

    model_session make_session(int number) {
        constexpr pricing prices[] = {pricing::exact,     pricing::exact,      pricing::exact,
                                      pricing::exact,     pricing::exact,      pricing::over,
                                      pricing::under,     pricing::discounted, pricing::surcharged,
                                      pricing::converted, pricing::converted,  pricing::converted_blindly,
                                      pricing::foreign};
        constexpr late_ending endings[] = {late_ending::completed, late_ending::expired_and_paid,
                                           late_ending::expired_and_unpaid};
        model_session made;
        made.id = clink_session_id("s" + std::to_string(number));
        made.price = dice_.pick(prices);
        made.late = dice_.pick(endings);
        made.recurring = dice_.one_in(6);
        made.shows_paid_late = dice_.one_in(5);
        made.hidden = dice_.one_in(2) ? dice_.below(hides_everything + 1) : 0;
        made.never_shown = dice_.one_in(3) ? dice_.below(hides_everything + 1) : 0;
        made.reference = "ORD-1";
        return made;
    }

    void happen() {
        const int session = dice_.below(count(now_.sessions));
        switch (dice_.below(8)) {
        case 0:
            return start_processing(session);
        case 1:
            return now_.sessions[session].payment == clink_payment_status::processing ? fail(session)
                                                                                      : expire(session);
        case 2:
            return expire(session);
        case 3:
        case 4:
            return pay(session);
        case 5:
            return dice_.one_in(4) ? complete_unpaid(session) : catch_up(session);
        case 6:
            return make_refund();
        default:
            if (!now_.refunds.empty())
                return finish_refund(dice_.below(count(now_.refunds)));
            return dice_.one_in(2) ? pay(session) : show_details(session);
        }
    }

    bool is_payable(int session) const {
        const auto& its = now_.sessions[session];
        return its.first_order < 0 && its.status != clink_session_status::completed;
    }

    void start_processing(int session) {
        auto& its = now_.sessions[session];
        if (!is_payable(session) || its.payment == clink_payment_status::processing)
            return;
        its.payment = clink_payment_status::processing;
        add_order(session, clink_order_status::pending);
        if ((!its.expired || its.late == late_ending::completed) && dice_.one_in(6)) {
            its.status = clink_session_status::completed;
            its.late = late_ending::completed;
        }
        remember(its.id.str() + " is processing");
    }

    void fail(int session) {
        auto& its = now_.sessions[session];
        if (its.payment != clink_payment_status::processing)
            return;
        for (auto& order : now_.orders)
            if (order.session == session && order.facts.status == clink_order_status::pending)
                order.facts.status = clink_order_status::failed;
        its.payment = clink_payment_status::unpaid;
        its.status = its.expired ? clink_session_status::expired : clink_session_status::open;
        remember(its.id.str() + " fails");
    }

    /// Also one that was paid just before and does not say so yet; then it turns out to be completed.
    void expire(int session) {
        auto& its = now_.sessions[session];
        if (its.expired || its.status != clink_session_status::open)
            return;
        its.expired = true;
        its.status = clink_session_status::expired;
        its.expire_time = now_.now;
        if (its.first_order >= 0)
            its.late = late_ending::completed;
        remember(its.id.str() + " expires");
    }

    void complete_unpaid(int session) {
        auto& its = now_.sessions[session];
        if (!is_payable(session) || its.expired || its.payment != clink_payment_status::unpaid)
            return;
        its.status = clink_session_status::completed;
        remember(its.id.str() + " is completed without a payment");
    }

    /// A further one is a renewal or, rarely, one that should not be.
    void pay(int session) {
        auto& its = now_.sessions[session];
        const bool is_first = its.first_order < 0;
        if (is_first && its.status == clink_session_status::completed
            && its.payment == clink_payment_status::unpaid)
            return;
        if (!is_first && !its.recurring && !dice_.one_in(8))
            return;
        const int order = is_first ? find_or_add_pending(session) : add_order(session, {});
        auto& facts = now_.orders[order].facts;
        facts.status = clink_order_status::success;
        facts.payment_time = now_.now;
        if (is_first) {
            its.first_order = order;
            its.payment = its.shows_paid_late ? its.payment : clink_payment_status::paid;
            if (!its.shows_paid_late)
                end_paid(its);
        }
        remember(its.id.str() + " is paid by " + facts.order_id.str());
    }

    void end_paid(model_session& session) {
        if (!session.expired || session.late == late_ending::completed) {
            session.status = clink_session_status::completed;
            session.payment = clink_payment_status::paid;
            return;
        }
        session.status = clink_session_status::expired;
        session.payment = session.late == late_ending::expired_and_paid ? clink_payment_status::paid
                                                                        : clink_payment_status::unpaid;
    }

    void catch_up(int session) {
        auto& its = now_.sessions[session];
        if (its.first_order < 0)
            return;
        end_paid(its);
        remember(its.id.str() + " catches up with its order");
    }

    int find_or_add_pending(int session) {
        const auto pending = std::ranges::find_if(now_.orders, [&](const model_order& each) {
            return each.session == session && each.facts.status == clink_order_status::pending;
        });
        return pending != now_.orders.end() ? static_cast<int>(pending - now_.orders.begin())
                                            : add_order(session, clink_order_status::pending);
    }

    int add_order(int session, clink_order_status status) {
        auto& its = now_.sessions[session];
        model_order made;
        made.session = session;
        made.hidden = dice_.one_in(2) ? dice_.below(hides_everything + 1) : 0;
        auto& facts = made.facts;
        facts.order_id = clink_order_id("o" + std::to_string(now_.orders.size() + 1));
        facts.type = its.recurring ? clink_order_type::recurring : clink_order_type::onetime;
        facts.status = status;
        if (!may_omit_session(session) || !dice_.one_in(4))
            facts.session_id = its.id;
        facts.merchant_reference_id = "ORD-1";
        set_price(facts, its.price, dice_);
        if (its.recurring) {
            facts.subscription_id = "sub" + its.id.str();
            made.hidden &= ~hides_payment_time; // or nobody could tell the first one from its renewals
        }
        now_.orders.push_back(made);
        return count(now_.orders) - 1;
    }

    /// An order without its session is told by the session that names it.
    bool may_omit_session(int session) const {
        const auto& its = now_.sessions[session];
        return its.first_order < 0 && !(its.never_shown & hides_order_id) && !its.recurring
               && its.late != late_ending::expired_and_unpaid;
    }

    void make_refund() {
        if (now_.orders.empty())
            return;
        const int order = dice_.below(count(now_.orders));
        const auto& its = now_.orders[order];
        if (!is_successful(its.facts.status))
            return;
        const auto& price = price_of(now_.sessions[its.session].price);
        model_refund made;
        made.order = order;
        made.hides_amount = dice_.one_in(6);
        made.facts.refund_id = clink_refund_id("r" + std::to_string(now_.refunds.size() + 1));
        made.facts.order_id = its.facts.order_id;
        made.facts.status = refund_status::created;
        made.facts.amount = dice_.one_in(3) ? price.total : price.half;
        made.facts.currency = dice_.one_in(12) ? "CHF" : price.currency;
        made.facts.create_time = now_.now;
        now_.refunds.push_back(made);
        remember(made.facts.refund_id.str() + " of " + made.facts.order_id.str() + " is asked for");
    }

    void finish_refund(int number) {
        auto& refund = now_.refunds[number];
        if (is_final(refund.facts.status))
            return;
        constexpr refund_status outcomes[] = {refund_status::refunding, refund_status::success,
                                              refund_status::success,   refund_status::success,
                                              refund_status::failed,    refund_status::closed};
        refund.facts.status = dice_.pick(outcomes);
        if (refund.facts.status == refund_status::success)
            take_back(now_.orders[refund.order], refund);
        remember(refund.facts.refund_id.str() + " is " + std::string(to_string(refund.facts.status)));
    }

    void take_back(model_order& order, const model_refund& refund) {
        if (refund.facts.currency != order.facts.payment_currency)
            return;
        order.refunded = decimal::add(order.refunded, *refund.facts.amount).value();
        order.extent =
            order.refunded < *order.facts.amount_total ? refund_extent::partial : refund_extent::full;
        if (!dice_.one_in(3))
            show_extent(order);
    }

    static void show_extent(model_order& order) {
        if (order.extent != refund_extent::none)
            order.facts.status = order.extent == refund_extent::full ? clink_order_status::refunded
                                                                     : clink_order_status::partially_refunded;
    }

    void resolve(int session) {
        auto& its = now_.sessions[session];
        if (its.payment == clink_payment_status::processing && its.first_order < 0)
            dice_.one_in(3) ? fail(session) : pay(session);
        if (its.shows_paid_late)
            catch_up(session);
    }

    void show_details(int session) {
        now_.sessions[session].detailed = true;
        for (auto& order : now_.orders)
            order.detailed = order.detailed || order.session == session;
        remember(now_.sessions[session].id.str() + " shows its details");
    }

    void show_everything() {
        for (auto& session : now_.sessions)
            session.detailed = true;
        for (auto& order : now_.orders) {
            order.detailed = true;
            show_extent(order);
        }
        for (auto& refund : now_.refunds)
            refund.hides_amount = false;
        remember("everything is known");
    }

    /// Clink knows from the beginning when a session expires; what it said on its creation may differ. None
    /// expires before its time: that such a one was paid after its end is shown only if somebody asked in
    /// between.
    void set_expiries() {
        for (std::size_t each = 0; each < now_.sessions.size(); ++each) {
            const auto& its = now_.sessions[each];
            const bool expired_later = its.expire_time != instant{};
            const auto at = expired_later ? its.expire_time
                            : its.expired ? story_start - pace
                                          : story_start + never_expires;
            for (auto& moment : story_.moments)
                moment.sessions[each].expire_time = at;
            auto& session = story_.order.sessions[each];
            if (session.released())
                session.expire_time = at + expiry_as_created_[each] * pace;
        }
    }

    dice dice_;
    clink_story& story_;
    clink_moment now_;
    std::vector<int> expiry_as_created_; ///< by how much the create's answer was wrong
};

} // namespace

clink_story::clink_story(std::uint64_t seed) {
    story_teller(seed, *this).tell();
}

} // namespace checkout::test

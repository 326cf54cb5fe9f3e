// One way in which the service may hear of a story of Clink's: hints in random order, some twice and some
// never, answers that come late, from a server that lags behind or not at all; and when the story is over,
// everything once more. Each answer goes through settle or settle_refund to the rows, by compare-and-set.
#pragma once

#include "clink_model.h"
#include "order_ledger.h"

#include <optional>
#include <string>
#include <vector>

namespace checkout::test {

class clink_history {
public:
    /// Follows from the seed. What happens is told to `transcript`, unless that is null.
    clink_history(const clink_story& story, std::uint64_t seed, std::vector<std::string>* transcript)
        : story_(story),
          dice_(seed),
          ledger_(story.order),
          transcript_(transcript) {}

    void run();

    const order_ledger& ledger() const { return ledger_; }
    /// The promise or rule that a step broke; empty when none did.
    std::string fault() const { return fault_.empty() ? ledger_.broken_rule() : fault_; }

private:
    /// What a question taught, before it is settled.
    struct answer {
        std::optional<attempt_id> attempt; ///< nothing: about a refund
        clink_word word;
        refund_facts refund;
        evidence source;
    };

    const clink_moment& moment() const { return story_.moments[now_]; }
    const clink_moment& moment_or_earlier(bool lagging);
    int count_sessions() const { return static_cast<int>(story_.order.sessions.size()); }
    template <class Text>
    void tell(Text text) {
        if (transcript_ != nullptr)
            transcript_->push_back(text());
    }

    void take_hint();
    void hear_of_order();
    void hear_of_refund();
    void note_silence(int session);
    answer ask_session(int session, bool lagging);
    void ask_orders(clink_word& word, int session, const clink_moment& clink);
    void list_orders(clink_word& word, int session, const clink_moment& clink, bool with_newest);
    std::optional<answer> look_for(int session);
    std::optional<answer> ask_refund(int refund, bool lagging);
    bool is_attributable(int order, const clink_word& word) const;

    void settle_or_hold(answer heard);
    void settle_held();
    void settle_now(const order_record& order, const answer& heard);
    void settle_again(const answer& heard);
    bool is_believable(const settlement& change) const;

    void ask_everything();
    void ask_finally(int session);
    bool is_refund_due(int refund) const;

    static settlement decide(const order_record& order, const answer& heard);
    static std::string describe(const answer& heard);

    const clink_story& story_;
    dice dice_;
    order_ledger ledger_;
    std::vector<std::string>* transcript_;
    int now_ = 0; ///< index of the moment
    std::optional<answer> held_;
    order_record held_order_; ///< as it was when the held answer was asked for
    std::string fault_;
};

} // namespace checkout::test

// Looks at a database all the time: for what must never be, and for orders to have come to rest.

const lookEveryMs = 100;
const remindAfterMs = 3000;
const patienceMs = 90_000;

const twoCurrent = `
    select order_id from checkout.sessions where released_at is not null and superseded_at is null and ended_at is null
    group by order_id having count(*) > 1`;

// References of which a session was not asked about since, a refund was not, or an event waits in the inbox.
const restless = `
    select o.merchant_order_id as reference from unnest($1::text[], $2::timestamptz[]) w (reference, since)
        join checkout.orders o on o.merchant_order_id = w.reference
        left join checkout.sessions s on s.order_id = o.order_id
            and (s.status = 'creating' or not coalesce(s.checked_at > w.since, false))
        left join checkout.refunds r on r.order_id = o.order_id and r.next_check_at < w.since + interval '1 second'
    where s.attempt_id is not null or r.refund_id is not null
    union select reference from unnest($3::text[], $4::text[]) w (reference, event_id)
        join checkout.webhooks using (event_id) where state = 'received'`;

export class Watch {
    constructor(database) {
        this.database = database;
        this.waiting = new Set();
        this.broken = new Set();
        this.looks = 0;
        this.ended = this.#run();
    }

    stop() {
        this.stopping = true;
        return this.ended;
    }

    /**
     * Completes when every session of the order was asked about after `since`, and `events` have been handled. `remind`
     * makes it due again: an answer that was under way at `since` plans the next question anew.
     */
    asked({ reference, since, events, remind }) {
        return new Promise((done, failed) => {
            const refuse = (error) => failed(new Error(`${reference} is not asked about: ${error}`));
            const now = Date.now();
            this.waiting.add({ reference, since, events, remind, done, refuse, until: now + patienceMs, reminded: now });
        });
    }

    async #run() {
        while (!this.stopping) {
            try {
                await this.#look();
            } catch (error) {
                for (const each of this.waiting) each.refuse(error);
                this.waiting.clear();
            }
            await new Promise((done) => setTimeout(done, lookEveryMs));
        }
    }

    async #look() {
        const doubled = await this.database.query(twoCurrent);
        for (const row of doubled) this.broken.add(`P1: two current sessions of order ${row.order_id}`);
        this.looks++;
        if (this.waiting.size > 0) await this.#release();
    }

    async #release() {
        const batch = [...this.waiting];
        const undone = await this.database.query(restless, [
            batch.map(({ reference }) => reference),
            batch.map(({ since }) => since),
            batch.flatMap(({ reference, events }) => events.map(() => reference)),
            batch.flatMap(({ events }) => events),
        ]);
        const busy = new Set(undone.map(({ reference }) => reference));
        for (const each of batch) {
            if (busy.has(each.reference) && Date.now() < each.until) {
                if (Date.now() > each.reminded + remindAfterMs) {
                    each.reminded = Date.now();
                    await each.remind();
                }
                continue;
            }
            this.waiting.delete(each);
            if (busy.has(each.reference)) each.refuse('out of patience');
            else each.done();
        }
    }
}

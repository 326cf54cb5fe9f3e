// Looks from outside while PostgreSQL fails over: how ready each replica says it is, what finance's feed gives, and from when on
// another server is the primary.
import { parsed } from '../e2e/support/client.js';
import { exchange } from '../e2e/support/http.js';
import { isPrimary } from './patroni.mjs';

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** Asks `/readyz` ten times a second; an answer that takes longer than a kubelet would wait counts as none. */
export class ReadinessWatch {
    static probeMs = 1000;

    constructor(service) {
        this.service = service;
        this.looks = []; // {at, ready, status}
        this.running = this.#run();
    }

    async stop() {
        this.over = true;
        await this.running;
    }

    /** Seconds from the first look after `since` that was not 200 to the first 200 after the last of them; 0 if all were. */
    unreadySeconds(since) {
        const after = this.looks.filter(({ at }) => at >= since);
        const first = after.find(({ status }) => status !== 200);
        if (!first) return 0;
        const last = after.findLast(({ status }) => status !== 200);
        const back = after.find(({ at, status }) => at > last.at && status === 200);
        return back ? (back.at - first.at) / 1000 : Infinity;
    }

    async #run() {
        while (!this.over) {
            const began = performance.now();
            const timer = pause(ReadinessWatch.probeMs).then(() => 'late');
            const probe = exchange(this.service.admin, { path: '/readyz' }).then(({ status }) => status).catch(() => 'none');
            const status = await Promise.race([probe, timer]);
            this.looks.push({ at: performance.now(), status });
            await pause(Math.max(0, began + 100 - performance.now()));
        }
    }
}

/** Reads the feed to its end, again and again, as finance would. */
export class FeedReader {
    constructor(service) {
        this.service = service;
        this.read = []; // {feedNo, eventId}
        this.running = this.#run();
    }

    async stop() {
        this.over = true;
        await this.running;
    }

    async #run() {
        const headers = { authorization: `Bearer ${this.service.tokens.finance}` };
        while (!this.over) {
            const after = this.read.at(-1)?.feedNo ?? 0;
            const path = `/v1/reconciliation/events?after=${after}&limit=1000`;
            const answer = await exchange(this.service.base, { path, headers }).then(parsed).catch(() => undefined);
            const items = answer?.status === 200 ? answer.json.items : [];
            for (const { feedNo, eventId } of items) this.read.push({ feedNo: Number(feedNo), eventId: String(eventId) });
            if (items.length < 1000) await pause(200);
        }
    }
}

/** When, by performance.now(), one of these servers began to be a primary. */
export async function becamePrimary(urls, seconds) {
    const until = performance.now() + seconds * 1000;
    while (performance.now() < until) {
        const answers = await Promise.all(urls.map(isPrimary));
        const found = answers.indexOf(true);
        if (found >= 0) return { url: urls[found], at: performance.now() };
        await pause(50);
    }
    throw new Error(`none of the other servers became a primary within ${seconds} s`);
}

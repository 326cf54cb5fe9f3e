// See README.md. Customers arrive at random, each with an order, a browser and bad luck; others break things meanwhile. What
// the service acknowledged is written down here, and at the end compared with its database and with Clink.
import http from 'node:http';
import { parseArgs } from 'node:util';

import { brokenPromises, doublySold, unknownPayments } from '../../e2e/support/audit.js';
import { parsed } from '../../e2e/support/client.js';
import { Cluster } from '../../e2e/support/database.js';
import { eventually } from '../../e2e/support/environment.js';
import { exchange } from '../../e2e/support/http.js';
import { Random } from '../../e2e/support/random.js';
import { Stack } from '../../e2e/support/stack.js';

const { values: given } = parseArgs({
    options: {
        minutes: { type: 'string', default: '4' },
        rate: { type: 'string', default: '15' },
        seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    },
});
const [minutes, rate, seed] = [given.minutes, given.rate, given.seed].map(Number);
const lengthMs = minutes * 60_000;
const graceSeconds = 60;
const env = {
    CLINK_TIMEOUT_MS: '2000', SWEEP_INTERVAL_SECONDS: '1', SWEEP_SCHEDULE_SECONDS: '2,5,10,20', SWEEP_MAX_PER_SECOND: '200',
    DATABASE_POOL_SIZE: '8', LOG_LEVEL: 'warning',
};

const asking = [{ fault: 'reset' }, { fault: 'delay', delay_ms: 900 }, { fault: 'http_status', status: 500 }, { fault: 'malformed' }];
const creating = [
    { fault: 'lost_answer' }, { fault: 'reset', after_work: true }, { fault: 'truncate' }, { fault: 'delay', delay_ms: 900 },
    { fault: 'stall', wait_ms: 3000 }, { fault: 'close' }, { fault: 'http_status', status: 503 },
];
const faultsOf = { create: creating, get_session: asking, get_order: asking, list_orders: asking };

const random = new Random(seed);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const between = (least, most) => least + random.next() * (most - least);

const counts = new Map();
const count = (name, by = 1) => counts.set(name, (counts.get(name) ?? 0) + by);
const violations = [];

/** What was answered 2xx: session ids with their order, and sessions that were said to be paid. */
const acknowledged = new Map();
const saidPaid = new Set();

class Soak {
    async start() {
        this.cluster = await Cluster.create();
        this.mail = http.createServer((request, response) => this.carry(request, response));
        await new Promise((done) => this.mail.listen(0, '127.0.0.1', done));
        const url = `http://127.0.0.1:${this.mail.address().port}/`;
        const webhooks = { url, retry_scale: 0.005, shuffle: true, timeout_ms: 3000 };
        this.stack = await Stack.start('soak-a', { env, cluster: this.cluster.url, webhooks });
        const key = this.stack.service.settings.CLINK_WEBHOOK_SIGNING_KEY;
        const second = await this.stack.serve('soak-b', { env: { ...env, CLINK_WEBHOOK_SIGNING_KEY: key } });
        this.replicas = [this.stack.service, second];
        this.twin = this.stack.twin;
        this.database = this.stack.database.pool(4);
    }

    async stop() {
        for (const service of this.replicas ?? []) await service.stop();
        await this.database?.end();
        this.mail?.closeAllConnections();
        this.mail?.close();
        await this.stack?.abandon();
        await this.cluster?.remove();
    }

    get isOver() {
        return Date.now() >= this.endsAt;
    }

    async run() {
        this.endsAt = Date.now() + lengthMs;
        const breakers = [this.kill(), this.crashDatabase(0.35), this.crashDatabase(0.7), this.disturb(), this.look()];
        const customers = new Set();
        while (!this.isOver) {
            const customer = this.shop().catch((error) => count(`customer gave up: ${error.code ?? error.message}`));
            customers.add(customer.finally(() => customers.delete(customer)));
            await pause((-Math.log(1 - random.next()) * 1000) / rate);
        }
        await Promise.all([...customers, ...breakers]);
        await this.twin.clearFaults();
    }

    // ---- what customers do
    async shop() {
        count('orders');
        const terms = this.stack.order();
        const tabs = random.chance(0.2) ? 2 : 1;
        const pages = await Promise.all(Array.from({ length: tabs }, () => this.create(terms)));
        let page = pages.find(Boolean);
        if (!page) return count('orders without a page');
        if (random.chance(0.1)) page = (await this.create({ ...terms, metadata: { cart: 'changed' }, supersede: true })) ?? page;
        if (random.chance(0.5)) await this.payLost(terms, page);
        await pause(between(200, 4000));
        await this.leaveOrPay(page);
        return undefined;
    }

    async leaveOrPay({ sessionId }) {
        const choice = random.next();
        if (choice < 0.1) return this.at(sessionId, 'fail');
        if (choice < 0.15) return this.at(sessionId, 'expire');
        if (choice < 0.35) return count('pages left open');
        if (choice < 0.45) {
            await this.at(sessionId, 'process');
            await pause(between(500, 5000));
            await this.at(sessionId, 'settle', { outcome: random.chance(0.8) ? 'success' : 'failed' });
        } else {
            await this.at(sessionId, 'pay');
        }
        const back = random.next();
        if (back < 0.3) await this.comeBack('GET', `/checkout/success?sessionId=${sessionId}`, sessionId);
        else if (back < 0.5) await this.comeBack('POST', `/v1/checkout-sessions/${sessionId}/refresh`, sessionId);
        else count('customers who never came back');
        return undefined;
    }

    at(sessionId, action, choice = {}) {
        count(`at Clink: ${action}`);
        return this.twin.act(sessionId, action, choice).catch(() => count(`at Clink: ${action}, refused`));
    }

    async comeBack(method, path, sessionId) {
        const answer = await this.ask(method, path, { headers: { accept: 'application/json' } });
        if (answer?.json?.paid === true) saidPaid.add(sessionId);
    }

    /** A page that was handed to nobody is paid all the same. */
    async payLost({ merchantOrderId }, { sessionId: handed }) {
        const made = await this.twin.sessions(merchantOrderId);
        const lost = made.find(({ sessionId }) => sessionId !== handed && !acknowledged.has(sessionId));
        if (!lost || !random.chance(0.5)) return;
        count('lost pages that were paid');
        await this.at(lost.sessionId, 'pay');
    }

    /** Until it is answered for good, as a storefront does; nothing when that takes too long. */
    async create(terms) {
        for (let tries = 0; tries < 30; tries++) {
            const answer = await this.ask('POST', '/v1/checkout-sessions', { body: JSON.stringify(terms) });
            count(`create: ${answer ? `${answer.status} ${answer.json?.code ?? ''}`.trim() : 'no answer'}`);
            if (answer?.status === 200 || answer?.status === 201) {
                acknowledged.set(answer.json.sessionId, terms.merchantOrderId);
                return answer.json;
            }
            const mayChange = !answer || answer.status >= 500 || answer.json?.code === 'creation_in_progress';
            if (!mayChange) return undefined;
            await pause(between(100, 1000));
        }
        return undefined;
    }

    /** Asks a random replica; nothing when it does not answer. */
    async ask(method, path, { body, headers } = {}) {
        const service = random.pick(this.replicas);
        const type = body && { 'content-type': 'application/json' };
        const sent = { authorization: `Bearer ${service.tokens.all}`, ...type, ...headers };
        try {
            const answer = parsed(await exchange(service.base, { method, path, headers: sent, body }));
            if (answer.status === 500) violations.push(`500 from ${method} ${path.split('?')[0]}: ${answer.text}`);
            return answer;
        } catch {
            return undefined;
        }
    }

    // ---- what goes wrong
    /** A webhook's way: four in ten are lost, some come twice, and a replica that is down is told again later. */
    async carry(request, response) {
        const chunks = [];
        for await (const chunk of request) chunks.push(chunk);
        const names = ['content-type', 'x-clink-timestamp', 'x-clink-signature', 'x-clink-signtype'];
        const headers = Object.fromEntries(names.map((name) => [name, request.headers[name]]));
        if (random.chance(0.4)) {
            count('webhooks lost');
            response.end();
            return;
        }
        const letter = { method: 'POST', path: '/webhooks/clink', headers, body: Buffer.concat(chunks) };
        const deliver = () => exchange(random.pick(this.replicas).base, letter).catch(() => undefined);
        const answers = await Promise.all(Array.from({ length: random.chance(0.1) ? 2 : 1 }, deliver));
        const isTaken = answers.some((answer) => answer?.status === 200);
        count(isTaken ? 'webhooks delivered' : 'webhooks refused or unanswered');
        response.statusCode = isTaken ? 200 : 503;
        response.end();
    }

    async kill() {
        for (;;) {
            await pause(between(3000, 7000));
            if (this.isOver) return;
            const service = random.pick(this.replicas);
            service.process.signal('SIGKILL');
            await service.process.exited;
            count('replicas killed');
            await pause(between(100, 1500));
            await service.start({ awaitReady: false });
        }
    }

    async crashDatabase(part) {
        await pause(lengthMs * part);
        await this.cluster.crash();
        await pause(between(500, 2000));
        await this.cluster.start();
        count('PostgreSQL restarts, immediate');
    }

    /** One call in about fifteen goes wrong. */
    async disturb() {
        while (!this.isOver) {
            for (const [operation, faults] of Object.entries(faultsOf))
                await this.twin.fault({ operation, skip: random.below(15), ...random.pick(faults) });
            count('faults of Clink', 4);
            await pause(1000 * (15 / rate));
        }
    }

    /** P1 on the way: every second in the database, now and then at Clink as well. */
    async look() {
        for (let turn = 0; !this.isOver; turn++) {
            await pause(1000);
            const doubled = await (turn % 15 === 0 ? this.doubledAtClink() : this.doubled()).catch(() => undefined);
            for (const each of doubled ?? []) violations.push(`two pages of ${each} can be paid`);
            count(doubled ? 'looks for two pages' : 'looks while the database was away');
        }
    }

    async doubledAtClink() {
        const sessions = await this.twin.control('GET', 'sessions');
        return doublySold(this.database, sessions);
    }

    async doubled() {
        const rows = await this.database.query(`
            select order_id from checkout.sessions
            where released_at is not null and superseded_at is null and ended_at is null
            group by order_id having count(*) > 1`);
        return rows.map((row) => row.order_id);
    }

    // ---- what is left
    async judge() {
        for (const service of this.replicas) await service.ready();
        const end = Date.now();
        const unknown = async () => unknownPayments(this.database, await this.twin.control('GET', 'orders'));
        count('payments unknown at the end', (await unknown()).length);
        const areKnown = async () => (await unknown()).length === 0;
        const known = await eventually('every payment is known', areKnown, graceSeconds).catch(() => false);
        const late = known ? [] : await unknown();
        this.settledAfter = known ? `${((Date.now() - end) / 1000).toFixed(1)} s` : `not within ${graceSeconds} s`;
        for (const orderId of late) violations.push(`payment ${orderId} is unknown ${graceSeconds} s after the end`);

        const atClink = await this.twin.control('GET', 'sessions');
        await this.judgeAcknowledged(new Set(atClink.map(({ sessionId }) => sessionId)));
        for (const each of await doublySold(this.database, atClink)) violations.push(`two pages of ${each} can be paid`);
        for (const each of await brokenPromises(this.database)) violations.push(each);
        this.late = late.length;
        await this.measure(atClink);
    }

    async judgeAcknowledged(atClink) {
        const rows = await this.database.query(`
            select clink_session_id, merchant_order_id, payment_status from checkout.sessions join checkout.orders using (order_id)
            where released_at is not null`);
        const kept = new Map(rows.map((row) => [row.clink_session_id, row]));
        this.lost = 0;
        for (const [sessionId, merchantOrderId] of acknowledged)
            if (kept.get(sessionId)?.merchant_order_id !== merchantOrderId || !atClink.has(sessionId)) {
                this.lost++;
                violations.push(`session ${sessionId} was acknowledged and is lost`);
            }
        for (const sessionId of saidPaid)
            if (kept.get(sessionId)?.payment_status !== 'paid') violations.push(`${sessionId} was said to be paid and is not`);
    }

    async measure(atClink) {
        const [totals] = await this.database.query(`
            select (select count(*) from checkout.sessions where status = 'dark') as "attempts, dark",
                (select count(*) from checkout.sessions where status = 'refused') as "attempts, refused",
                (select count(*) from checkout.sessions where superseded_at is not null) as "sessions superseded",
                (select count(*) from checkout.payments) as payments,
                (select count(*) from checkout.orders where state = 'overpaid') as "orders overpaid",
                (select count(*) from checkout.webhooks where state <> 'done') as "webhooks not yet handled"`);
        const evidence = await this.database.query('select evidence, count(*) as n from checkout.payments group by 1 order by 1');
        count('sessions at Clink', atClink.length);
        for (const [name, value] of Object.entries(totals)) count(`on record: ${name}`, Number(value));
        for (const { evidence: by, n } of evidence) count(`payments first known by ${by}`, Number(n));
        this.knownAfter = await this.database.query(`
            select case when released_at is null then 'of lost pages' else 'of released pages' end as which,
                percentile_cont(array[0.5, 0.95, 1]) within group (order by extract(epoch from recorded_at - payment_time)) as seconds
            from checkout.payments join checkout.sessions using (attempt_id) where payment_time is not null group by 1 order by 1`);
    }

    report() {
        const lines = [
            ['minutes, orders a second, seed', `${minutes}, ${rate}, ${seed}`],
            ['sweep schedule, budget of each replica', `${env.SWEEP_SCHEDULE_SECONDS} s, ${env.SWEEP_MAX_PER_SECOND} a second`],
            ...[...counts].sort(([a], [b]) => (a < b ? -1 : 1)),
            ...this.knownAfter.map(({ which, seconds }) => [
                `seconds from payment to record, ${which}: median, 95 %, longest`,
                seconds.map((each) => Number(each).toFixed(1)).join(', '),
            ]),
            ['every payment known after the end', this.settledAfter],
            ['acknowledged sessions, lost', `${acknowledged.size}, ${this.lost}`],
            [`payments unknown ${graceSeconds} s after the end`, this.late],
            ['violations', violations.length],
        ];
        const width = Math.max(...lines.map(([name]) => name.length));
        for (const [name, value] of lines) console.log(`${name.padEnd(width)}  ${value}`);
        for (const each of violations.slice(0, 50)) console.log(`VIOLATION ${each}`);
    }
}

const soak = new Soak();
try {
    await soak.start();
    await soak.run();
    await soak.judge();
    soak.report();
} finally {
    await soak.stop();
}
process.exitCode = violations.length > 0 ? 1 : 0;

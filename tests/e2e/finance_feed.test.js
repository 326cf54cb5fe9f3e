// Finance's feed (P8): however it is paged while writes go on, no event is skipped and none comes twice.
//
//   E2E_FEED_SEED   seeds the random choices of the writers (printed)
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { after, before, describe, test } from 'node:test';

import { pointers } from './support/client.js';
import { connect } from './support/database.js';
import { eventually } from './support/environment.js';
import { feed } from './support/finance.js';
import { Random } from './support/random.js';
import { Stack } from './support/stack.js';

const env = { DATABASE_POOL_SIZE: '4', CLINK_TIMEOUT_MS: '5000' };
const seed = Number(process.env.E2E_FEED_SEED ?? randomInt(2 ** 32));

let stack;
let replicas; // finance's client of each
before(async () => {
    stack = await Stack.start('finance-feed', { env });
    const second = await stack.serve('finance-feed-second', { env });
    replicas = [stack.finance, stack.clientOf(second).as(second.tokens.finance)];
});
after(() => stack?.close());

const created = async (changes, api = stack.api) => (await api.create(stack.order(changes))).json;
const storefrontOf = ({ service }) => stack.clientOf(service);
const eventCount = async () => (await stack.database.query('select count(*)::int as count from checkout.events'))[0].count;

/** Awaits that all that is written has its number, and gives the newest. */
function quiet() {
    return eventually(
        'every event has its number',
        async () => {
            const { json } = await feed(replicas[0], { limit: '1' });
            return json.lastFeedNo === (await eventCount()) && json.lastFeedNo;
        },
        60,
    );
}

/** Reads on from `after` in pages of `limit`, by cursor where one is given, until there is no more. */
async function readOn(client, from, limit = 1000) {
    const items = [];
    let query = { after: String(from) };
    while (query) {
        const { json } = await feed(client, { ...query, limit: String(limit) });
        assert.ok(json.items.length <= limit);
        items.push(...json.items);
        query = json.nextCursor && { cursor: json.nextCursor };
    }
    return items;
}

/** Follows the feed from its start, as a careful program would, until `done()` gives how many rows there are to be. */
async function follow(client, { limit, wait, done }) {
    const items = [];
    const deadline = Date.now() + 120_000;
    let cursor = null;
    for (;;) {
        const query = { limit: String(limit), wait: String(wait), ...(cursor ? { cursor } : { after: String(items.length) }) };
        const { status, json } = await feed(client, query, { expect: undefined });
        if (status === 200) {
            items.push(...json.items);
            cursor = json.nextCursor;
        } else assert.equal(status, 503);
        const expected = done();
        if (expected !== undefined && items.length >= expected) return items;
        assert.ok(Date.now() < deadline, `${items.length} of ${expected} rows came`);
    }
}

/** What readers got is the table: every event once, numbered from 1 without a gap, the same for all and the same ever after. */
async function assertWhole(readers) {
    const [first] = readers;
    assert.deepEqual(first.map(({ feedNo }) => feedNo), first.map((_, i) => i + 1));
    const afterwards = await readOn(replicas[0], 0);
    for (const each of readers) assert.deepEqual(each, afterwards);
    const written = await stack.database.query(
        `select e.event_id::text as "eventId", e.kind, o.merchant_order_id as "merchantOrderId", e.request_id as "requestId", e.source
         from checkout.events e join checkout.orders o using (order_id) order by e.event_id`,
    );
    const got = first.map(({ eventId, kind, merchantOrderId, requestId, source }) => ({ eventId, kind, merchantOrderId, requestId, source }));
    assert.deepEqual(got.sort((a, b) => Number(a.eventId) - Number(b.eventId)), written);
}

describe('the feed', () => {
    test('is empty before the first event', async () => {
        const { json } = await feed(replicas[0], {});
        assert.deepEqual({ ...json, asOf: undefined }, { items: [], nextCursor: null, lastFeedNo: 0, asOf: undefined });
        assert.ok(Math.abs(Date.parse(json.asOf) - Date.now()) < 60_000, json.asOf);
    });

    test("has an order's timeline, with numbers from 1", async () => {
        const session = await created();
        await stack.twin.pay(session.sessionId);
        await stack.api.refresh(session.sessionId);
        await quiet();
        const timeline = await stack.finance.events(session.merchantOrderId);
        const items = await readOn(replicas[0], 0);
        assert.deepEqual(items.map(({ feedNo }) => feedNo), timeline.map((_, i) => i + 1));
        assert.deepEqual(items.map(({ merchantOrderId }) => merchantOrderId), timeline.map(() => session.merchantOrderId));
        const bare = ({ eventId, kind, attempt, source, requestId, data }) => ({ eventId, kind, attempt, source, requestId, data });
        assert.deepEqual(items.map(bare), timeline.map(bare));
        items.forEach(({ at }, i) => assert.equal(Date.parse(at), Date.parse(timeline[i].at)));
        const released = items.findIndex(({ kind }) => kind === 'session_released');
        assert.ok(released > 0);
        items.forEach(({ sessionId, attempt }, i) => assert.equal(sessionId, attempt === null || i < released ? null : session.sessionId));
        assert.ok(!JSON.stringify(items).includes('/pay/'));
    });

    test('is the same in pages of any size, by number and by cursor, from both replicas', async () => {
        for (let i = 0; i < 4; i++) await created();
        const last = await quiet();
        const all = await readOn(replicas[0], 0);
        assert.equal(all.length, last);
        for (const client of replicas)
            for (const limit of [1, 3, last - 1, last, last + 1]) assert.deepEqual(await readOn(client, 0, limit), all);
        for (const from of [1, 5, last - 1, last]) assert.deepEqual(await readOn(replicas[1], from, 2), all.slice(from));
        const byNumber = [];
        for (;;) {
            const { json } = await feed(replicas[1], { after: String(byNumber.at(-1)?.feedNo ?? 0), limit: '3' });
            byNumber.push(...json.items);
            assert.equal(json.lastFeedNo, last);
            assert.equal(json.nextCursor === null, byNumber.length === last, 'a cursor while more is there');
            if (json.items.length === 0) break;
        }
        assert.deepEqual(byNumber, all);
    });

    test('after its last row is empty, and so it is far beyond', async () => {
        const last = await quiet();
        for (const from of [last, last + 1, Number.MAX_SAFE_INTEGER]) {
            const { json } = await feed(replicas[0], { after: String(from) });
            assert.deepEqual([json.items, json.nextCursor, json.lastFeedNo], [[], null, last]);
        }
    });

    test('has every event numbered in the order of commits, a late one behind those that were faster', async () => {
        const { merchantOrderId } = await created();
        const before = await quiet();
        const [slow, fast] = [await connect(stack.database.superuserUrl), await connect(stack.database.superuserUrl)];
        await fast.query("set statement_timeout = '20s'");
        const insert = `insert into checkout.events (order_id, kind) select order_id, $2 from checkout.orders
            where merchant_order_id = $1 returning event_id::text as id`;
        await slow.query('begin');
        const { rows: [late] } = await slow.query(insert, [merchantOrderId, 'late']);
        const { rows: [early] } = await fast.query(insert, [merchantOrderId, 'early']);
        assert.ok(Number(late.id) < Number(early.id));
        const overtaken = await eventually('the fast one has its number', async () => {
            const { json } = await feed(replicas[0], { after: String(before) });
            return json.items.length > 0 && json.items;
        }, 30);
        assert.deepEqual(overtaken.map(({ eventId }) => eventId), [early.id]);
        await slow.query('commit');
        for (const client of [slow, fast]) await client.end();
        assert.equal(await quiet(), before + 2);
        assert.deepEqual((await readOn(replicas[1], before)).map(({ eventId }) => eventId), [early.id, late.id]);
    });
});

describe('a reader who waits', () => {
    test('gets an empty page at the end of the time', async () => {
        const last = await quiet();
        const began = performance.now();
        const { json } = await feed(replicas[0], { after: String(last), wait: '2' });
        const ms = performance.now() - began;
        assert.deepEqual([json.items, json.lastFeedNo], [[], last]);
        assert.ok(ms >= 1900, `after ${ms} ms`);
    });

    test('gets what is there already at once', async () => {
        const last = await quiet();
        const began = performance.now();
        const { json } = await feed(replicas[0], { after: String(last - 1), wait: '30' });
        assert.equal(json.items.length, 1);
        assert.ok(performance.now() - began < 20_000);
    });

    // More of them than the service has connections to the database, at both replicas.
    test('gets a new row soon, however many wait, and holds up nobody', async () => {
        const last = await quiet();
        const began = performance.now();
        const waiting = Array.from({ length: 20 }, (_, i) => feed(replicas[i % 2], { after: String(last), wait: '30' }));
        const session = await created();
        const answers = await Promise.all(waiting);
        const ms = performance.now() - began;
        for (const { json } of answers) {
            assert.ok(json.items.length > 0, 'a row, not the end of the time');
            assert.equal(json.items[0].feedNo, last + 1);
            assert.equal(json.items[0].merchantOrderId, session.merchantOrderId);
            assert.equal(json.items[0].kind, 'attempt_created');
        }
        assert.ok(ms < 20_000, `after ${ms} ms`);
    });

    test('does not hold up the end of the process', async () => {
        const service = await stack.serve('finance-feed-third', { env });
        const last = await quiet();
        const client = stack.clientOf(service).as(service.tokens.finance);
        const waiting = feed(client, { after: String(last), wait: '30' }, { expect: undefined }).then(
            ({ status }) => assert.ok(status === 200 || status === 503, String(status)),
            (error) => assert.match(error.message, /ECONNRESET|hang up/),
        );
        await feed(client, { after: String(last), wait: '1' });
        const began = performance.now();
        const { code } = await service.stop();
        await waiting;
        assert.equal(code, 0);
        assert.ok(performance.now() - began < 24_000);
    });
});

describe('readers and writers at once', () => {
    /** Three readers while `write` runs; each has its own pace. */
    async function readWhile(write) {
        let expected;
        const done = () => expected;
        const readers = [
            follow(replicas[0], { limit: 7, wait: 0, done }),
            follow(replicas[1], { limit: 100, wait: 1, done }),
            follow(replicas[1], { limit: 1000, wait: 5, done }),
        ];
        await Promise.race([write(), Promise.all(readers)]);
        expected = await eventCount();
        return Promise.all(readers);
    }

    /** One order and what may become of it, at either replica. */
    async function live(random) {
        const api = () => storefrontOf(random.pick(replicas));
        const terms = stack.order();
        const any = { expect: undefined };
        const session = (await api().create(terms)).json;
        const next = random.below(4);
        if (next === 0) await api().cancel(terms.merchantOrderId, any);
        if (next === 1) await api().create({ ...terms, localPriceOnly: true, supersede: true }, any);
        if (next >= 1) {
            await stack.twin.pay(session.sessionId);
            await Promise.all([api().refresh(session.sessionId), api().cancel(terms.merchantOrderId, any)]);
        }
    }

    test(`on two replicas, writers and readers see the same (E2E_FEED_SEED=${seed})`, async () => {
        const before = await eventCount();
        const readers = await readWhile(() =>
            Promise.all(Array.from({ length: 10 }, async (_, i) => {
                const random = new Random(seed + i);
                for (let round = 0; round < 8; round++) await live(random);
            })),
        );
        assert.ok(readers[0].length > before + 200);
        await assertWhole(readers);
    });

    /** Transactions of one or more events that commit late, or never. */
    async function writeSlowly(random, orders, transactions) {
        const client = await connect(stack.database.superuserUrl);
        const insert = 'insert into checkout.events (order_id, kind, data) select $1, $2, $3 from generate_series(1, $4::int)';
        for (let n = 0; n < transactions; n++) {
            await client.query('begin');
            for (let part = random.below(2); part >= 0; part--) {
                await client.query('savepoint part');
                await client.query(insert, [random.pick(orders), 'slowly_written', { n }, 1 + random.below(3)]);
                if (random.chance(0.2)) await client.query('rollback to savepoint part');
                await client.query('select pg_sleep($1)', [random.chance(0.05) ? 0.3 : random.next() * 0.03]);
            }
            await client.query(random.chance(0.25) ? 'rollback' : 'commit');
        }
        await client.end();
    }

    test('with late commits, rollbacks, and every connection of the service ended in the middle', async () => {
        const orders = (await stack.database.query('select order_id from checkout.orders limit 5')).map(({ order_id: id }) => id);
        const before = await eventCount();
        const readers = await readWhile(async () => {
            const write = (i) => writeSlowly(new Random(seed + 100 + i), orders, 25);
            const writers = Array.from({ length: 8 }, (_, i) => write(i));
            await eventually('the feed moves', async () => (await feed(replicas[0], { limit: '1' })).json.lastFeedNo > before + 30, 60);
            const end = 'select pg_terminate_backend(pid) from pg_stat_activity where usename = $1';
            await stack.database.query(end, [stack.database.server.role]);
            await Promise.all(writers);
        });
        assert.ok(readers[0].length > before + 150);
        await assertWhole(readers);
        await assert.rejects(stack.database.query('update checkout.feed set feed_no = feed_no + 1000000'));
        await assert.rejects(stack.database.query('delete from checkout.feed'));
        await assert.rejects(stack.database.query('truncate checkout.feed'));
    });

    test('with a replica killed in the middle, the other goes on with the numbers', async () => {
        const doomed = await stack.serve('finance-feed-doomed', { env });
        doomed.mayEndBadly = true;
        const readers = await readWhile(async () => {
            const random = new Random(seed + 200);
            const writers = Array.from({ length: 3 }, async () => {
                for (let round = 0; round < 4; round++) await live(random);
            });
            await Promise.race(writers);
            await doomed.stop('SIGKILL');
            await Promise.all(writers);
        });
        await assertWhole(readers);
    });
});

describe('the parameters', () => {
    test('that are wrong are refused by name', async () => {
        for (const [query, ...named] of [
            [{ after: '-1' }, '/after'], [{ after: 'x' }, '/after'], [{ after: '1.5' }, '/after'], [{ after: '' }, '/after'],
            [{ after: '99999999999999999999' }, '/after'], [{ after: '+1' }, '/after'], [{ after: '1e3' }, '/after'],
            [{ wait: '-1' }, '/wait'], [{ wait: '31' }, '/wait'], [{ wait: '0.5' }, '/wait'], [{ wait: 'x' }, '/wait'],
            [{ limit: '0' }, '/limit'], [{ limit: '1001' }, '/limit'], [{ cursor: 'x' }, '/cursor'], [{ cursor: '' }, '/cursor'],
            [{ from: '2026-01-01' }, '/from'], [{ After: '1' }, '/After'],
            [{ after: 'x', wait: 'x', limit: 'x', kind: 'x' }, '/after', '/kind', '/limit', '/wait'],
        ]) {
            const answer = await feed(stack.finance, query, { expect: [422, 'validation_failed'] });
            assert.deepEqual(pointers(answer), named, JSON.stringify(query));
        }
    });

    test('that come twice, or two that exclude each other, are refused', async () => {
        const path = '/v1/reconciliation/events';
        const { json } = await feed(stack.finance, { limit: '1' });
        for (const search of ['after=1&after=1', 'limit=5&limit=6', 'wait=0&wait=0', `after=0&cursor=${encodeURIComponent(json.nextCursor)}`])
            await stack.finance.raw({ path: `${path}?${search}`, expect: [422, 'validation_failed'] });
    });

    test("take no other list's cursor", async () => {
        const { json } = await stack.finance.call('listReconciliationSessions', { query: { limit: '1' }, expect: 200 });
        assert.ok(json.nextCursor);
        await feed(stack.finance, { cursor: json.nextCursor }, { expect: [422, 'validation_failed'] });
    });

    test('are for finance, in JSON', async () => {
        await feed(stack.api, {}, { expect: [403, 'insufficient_scope'] });
        await feed(stack.api.as(stack.service.tokens.operator), {}, { expect: [403, 'insufficient_scope'] });
        await feed(stack.api.as(null), {}, { expect: [401, 'unauthorized'] });
        for (const accept of ['text/csv', 'application/x-ndjson', 'image/png'])
            await feed(stack.finance, {}, { headers: { accept }, expect: [406, 'not_acceptable'] });
        for (const accept of ['application/json', '*/*', 'text/csv, application/json;q=0.1']) await feed(stack.finance, {}, { headers: { accept } });
    });
});

// Finance's lists in pages: filters, ranges, and cursors that hold while the record grows and changes.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { pointers } from './support/client.js';
import { connect } from './support/database.js';
import { eventually } from './support/environment.js';
import { insertPaid, lists, page, plain, summary, viewItems, comparable, sortedBy, sum, whole } from './support/finance.js';
import { Stack } from './support/stack.js';

const names = Object.keys(lists);
const sameMoment = '2026-01-15T12:00:00.123Z';
const counts = { USD: 23, JPY: 11 };

let stack;
before(async () => {
    stack = await Stack.start('finance-pages', { env: { DATABASE_POOL_SIZE: '4', CLINK_TIMEOUT_MS: '5000' } });
    for (const [currency, count] of Object.entries(counts))
        await insertPaid(stack.database, count, { prefix: `${currency}-`, at: sameMoment, currency });
    await insertPaid(stack.database, 3, { prefix: 'first-', at: '2026-01-14T23:59:59.999999Z' });
    await insertPaid(stack.database, 2, { prefix: 'day-', at: '2026-01-15T00:00:00Z' });
    await insertPaid(stack.database, 4, { prefix: 'next-', at: '2026-01-16T00:00:00Z' });
});
after(() => stack?.close());

const recorded = counts.USD + counts.JPY + 3 + 2 + 4;
const created = async (changes) => (await stack.api.create(stack.order(changes))).json;
const paid = async (changes) => {
    const session = await created(changes);
    await stack.twin.pay(session.sessionId);
    await stack.api.refresh(session.sessionId);
    return session;
};
const refusedQuery = { expect: [422, 'validation_failed'] };

for (const what of names) {
    const { key, axis } = lists[what];
    const keysOf = (items) => items.map((item) => item[key]);
    const keysFor = async (query) => keysOf(await whole(stack.finance, what, query));

    describe(what, () => {
        test('come in order, each once, in pages of any size, also where many are of one moment', async () => {
            const all = await whole(stack.finance, what);
            assert.equal(all.length, recorded);
            const times = all.map((item) => item[axis]);
            assert.deepEqual(times, [...times].sort());
            for (const limit of [1, 7, recorded - 1, recorded, recorded + 1])
                assert.deepEqual(await whole(stack.finance, what, {}, limit), all);
            const { json } = await page(stack.finance, what, {});
            assert.deepEqual([json.items, json.nextCursor], [all, null]);
        });

        test('say what the view says, in its order', async () => {
            const rows = await viewItems(stack.database, what, sortedBy(what));
            assert.deepEqual((await whole(stack.finance, what)).map(comparable), rows);
        });

        test('say as of when: a moment that passes', async () => {
            const asked = async () => {
                const { json } = await page(stack.finance, what, { limit: '1' });
                return Date.parse(json.asOf);
            };
            const before = await asked();
            assert.ok(before <= (await stack.database.query('select clock_timestamp() as now'))[0].now.getTime());
            await eventually('it moves on', async () => (await asked()) > before, 30);
        });

        test('are of a range from its start up to, and without, its end', async () => {
            const all = await whole(stack.finance, what);
            const of = (prefix) => keysOf(all.filter(({ merchantOrderId }) => merchantOrderId.startsWith(prefix)));
            const many = keysOf(all.filter((item) => item[axis] === sameMoment));
            assert.equal(many.length, counts.USD + counts.JPY);
            for (const [query, expected] of [
                [{ from: '2026-01-15', to: '2026-01-16' }, [...of('day-'), ...many]],
                [{ to: '2026-01-15' }, of('first-')],
                [{ from: '2026-01-16' }, of('next-')],
                [{ from: sameMoment, to: '2026-01-15T12:00:00.124Z' }, many],
                [{ from: '2026-01-15T12:00:00.123001Z', to: '2026-01-16' }, []],
                [{ from: '2026-01-15T01:00:00+01:00', to: '2026-01-15T00:00:00.000001Z' }, of('day-')],
                [{ from: '2026-01-14T23:59:59.999999Z', to: '2026-01-15' }, of('first-')],
                [{ from: '2026-01-15', to: '2026-01-15' }, []],
            ])
                assert.deepEqual(await keysFor(query), expected, JSON.stringify(query));
        });

        test('by currency', async () => {
            const of = (currency) => ({ currency, from: '2026-01-15T12:00:00Z', to: '2026-01-16' });
            for (const [currency, count] of Object.entries(counts)) assert.equal((await keysFor(of(currency))).length, count);
            assert.deepEqual(await keysFor(of('CHF')), []);
        });

        test('with wrong parameters are refused, every one by name', async () => {
            const wrong = { from: 'yesterday', to: '2026-02-30', currency: 'usd', limit: '0', cursor: 'x', form: '1' };
            for (const [name, value] of Object.entries({ ...wrong, limit: '1001' })) {
                const answer = await page(stack.finance, what, { [name]: value }, refusedQuery);
                assert.deepEqual(pointers(answer), [`/${name}`]);
            }
            const answer = await page(stack.finance, what, wrong, refusedQuery);
            assert.deepEqual(pointers(answer), Object.keys(wrong).map((name) => `/${name}`).sort());
            await page(stack.finance, what, { from: '2026-02-01', to: '2026-01-01' }, refusedQuery);
            const { path } = stack.contract.operation(lists[what].id);
            for (const search of ['limit=1&limit=1', 'from=2026-01-01&from=2026-01-02', 'currency=USD&currency=JPY'])
                await stack.finance.raw({ path: `${path}?${search}`, ...refusedQuery });
        });

        test("take no other list's cursor, nor one that was changed", async () => {
            for (const other of names) {
                const { json } = await page(stack.finance, other, { limit: '1' });
                if (other !== what) await page(stack.finance, what, { cursor: json.nextCursor }, refusedQuery);
                else await page(stack.finance, what, { cursor: `${json.nextCursor}x` }, refusedQuery);
            }
        });

        test('are for finance', async () => {
            await page(stack.api, what, {}, { expect: [403, 'insufficient_scope'] });
            await page(stack.api.as(stack.service.tokens.operator), what, {}, { expect: [403, 'insufficient_scope'] });
            await page(stack.api.as(null), what, {}, { expect: [401, 'unauthorized'] });
        });
    });
}

describe('filters', () => {
    const only = async (what, query, member) => {
        const items = await whole(stack.finance, what, query);
        return [items.length, [...new Set(items.map((item) => item[member]))]];
    };

    test('of sessions: status and payment status', async () => {
        const session = await created();
        const gone = await created();
        await stack.twin.act(gone.sessionId, 'expire');
        await stack.api.refresh(gone.sessionId);
        assert.deepEqual(await only('sessions', { status: 'open' }, 'sessionId'), [1, [session.sessionId]]);
        assert.deepEqual(await only('sessions', { status: 'expired' }, 'sessionId'), [1, [gone.sessionId]]);
        assert.deepEqual(await only('sessions', { status: 'completed', paymentStatus: 'paid' }, 'status'), [recorded, ['completed']]);
        assert.deepEqual(await only('sessions', { paymentStatus: 'unpaid' }, 'paymentStatus'), [2, ['unpaid']]);
        assert.deepEqual(await only('sessions', { status: 'completed', paymentStatus: 'unpaid' }, 'status'), [0, []]);
        for (const [name, value] of [['status', 'paid'], ['paymentStatus', 'open'], ['verdict', 'exact']])
            assert.deepEqual(pointers(await page(stack.finance, 'sessions', { [name]: value }, refusedQuery)), [`/${name}`]);
        await stack.twin.act(session.sessionId, 'expire');
        await stack.api.refresh(session.sessionId);
    });

    test('of payments: verdict, and the axis of the range', async () => {
        const session = await created();
        await stack.twin.pay(session.sessionId, { amountTotal: '4.99' });
        await stack.api.refresh(session.sessionId);
        assert.deepEqual(await only('payments', { verdict: 'short' }, 'sessionId'), [1, [session.sessionId]]);
        const [payment] = await whole(stack.finance, 'payments', { verdict: 'short' });
        const ofTime = { axis: 'paymentTime', from: payment.paymentTime, verdict: 'short' };
        assert.deepEqual(await only('payments', ofTime, 'paymentId'), [1, [payment.paymentId]]);
        assert.deepEqual(await only('payments', { axis: 'paymentTime', from: '2026-01-16', to: '2026-01-17' }, 'verdict'), [4, ['exact']]);
        for (const [name, value] of [['verdict', 'fine'], ['axis', 'createdAt'], ['status', 'open']])
            assert.deepEqual(pointers(await page(stack.finance, 'payments', { [name]: value }, refusedQuery)), [`/${name}`]);
        const { json } = await page(stack.finance, 'payments', { limit: '1' });
        await page(stack.finance, 'payments', { limit: '1', axis: 'paymentTime', cursor: json.nextCursor }, refusedQuery);
        const inPages = await whole(stack.finance, 'payments', { axis: 'paymentTime' }, 5);
        assert.deepEqual(inPages, await whole(stack.finance, 'payments', { axis: 'paymentTime' }));
        assert.equal(inPages.length, recorded + 1);
    });

    test('of refunds: status', async () => {
        assert.deepEqual(await only('refunds', { status: 'success' }, 'status'), [recorded, ['success']]);
        assert.deepEqual(await only('refunds', { status: 'failed' }, 'status'), [0, []]);
        for (const [name, value] of [['status', 'paid'], ['verdict', 'exact'], ['axis', 'recordedAt']])
            assert.deepEqual(pointers(await page(stack.finance, 'refunds', { [name]: value }, refusedQuery)), [`/${name}`]);
    });
});

describe('pages while the record grows and changes', () => {
    /**
     * Pages of `limit` while `write` runs round after round, until it says false; what was there before comes once, in order,
     * whatever happens.
     */
    async function readWhile(what, write, limit = 3) {
        const before = (await whole(stack.finance, what)).map((item) => item[lists[what].key]);
        const state = { reading: true };
        const writing = (async () => {
            while (state.reading && (await write()) !== false);
        })();
        try {
            for (let round = 0; round < 2; round++) {
                const items = await whole(stack.finance, what, {}, limit);
                const keys = items.map((item) => item[lists[what].key]);
                assert.equal(new Set(keys).size, keys.length, 'none comes twice');
                assert.deepEqual(keys.filter((each) => before.includes(each)), before);
                const times = items.map((item) => item[lists[what].axis]);
                assert.deepEqual(times, [...times].sort());
            }
        } finally {
            state.reading = false;
            await writing;
        }
        assert.ok((await whole(stack.finance, what)).length > before.length, 'something was written meanwhile');
    }

    test('sessions', async () => {
        const waiting = [];
        for (let i = 0; i < 8; i++) waiting.push(await created());
        await readWhile('sessions', async () => {
            await created();
            const next = waiting.shift();
            if (!next) return;
            await stack.twin.pay(next.sessionId);
            await stack.api.refresh(next.sessionId);
        });
    });

    test('payments', () => readWhile('payments', () => paid()));

    test('refunds', async () => {
        let n = 0;
        await readWhile('refunds', async () => {
            await stack.database.query(
                `insert into checkout.refunds (clink_refund_id, clink_order_id, status, evidence)
                 values ('refund_' || $1, 'order_of_nobody', 'created', 'webhook')`,
                [String(++n)],
            );
            return n < 100;
        });
    });
});

test('a list is not said to be as of a time when something recorded before may still come', async () => {
    const writer = await connect(stack.database.serverUrl);
    await writer.query('begin');
    const { rows: [{ at }] } = await writer.query(
        `insert into checkout.refunds (clink_refund_id, clink_order_id, status, evidence)
         values ('refund_under_way', 'order_of_nobody', 'created', 'webhook') returning recorded_at as at`,
    );
    const clock = async () => (await stack.database.query('select clock_timestamp() as now'))[0].now.getTime();
    await eventually('the horizon would have passed it', async () => (await clock()) > at.getTime() + 3000, 30);
    for (const what of names) {
        const { json } = await page(stack.finance, what, { limit: '1' });
        assert.ok(Date.parse(json.asOf) <= at.getTime(), `${what}: ${json.asOf}, under way since ${at.toISOString()}`);
    }
    await writer.query('commit');
    await writer.end();
    await eventually('time goes on', async () => {
        const { json } = await page(stack.finance, 'refunds', { limit: '1' });
        return Date.parse(json.asOf) > at.getTime();
    }, 30);
    const ids = (await whole(stack.finance, 'refunds', { from: at.toISOString() })).map(({ refundId }) => refundId);
    assert.ok(ids.includes('refund_under_way'));
});

describe('the summary', () => {
    const groupOf = ({ entry, currency, originalCurrency, state, paymentStatus }) =>
        JSON.stringify([entry, currency, originalCurrency, state, paymentStatus]);

    test('of a range is that of its rows, and its totals are those of its days', async () => {
        const range = { from: '2026-01-14', to: '2026-01-17' };
        const { json } = await summary(stack.finance, range);
        assert.deepEqual([json.from, json.to].map((each) => Date.parse(each)), [range.from, range.to].map((each) => Date.parse(each)));
        const ofDay = json.items.filter(({ day, entry, currency }) => day === '2026-01-15' && entry === 'payment' && currency === 'USD');
        assert.equal(ofDay.length, 1);
        const payments = await whole(stack.finance, 'payments', { from: '2026-01-15', to: '2026-01-16', currency: 'USD' });
        assert.equal(ofDay[0].count, counts.USD + 2);
        assert.equal(plain(ofDay[0].amount), sum(payments.map(({ amountTotal }) => amountTotal)));
        assert.equal(plain(ofDay[0].refundedAmount), sum(payments.map(({ refundedAmount }) => refundedAmount)));
        assert.deepEqual([...new Set(json.items.map(({ day }) => day))], ['2026-01-14', '2026-01-15', '2026-01-16']);

        const groups = new Map();
        for (const item of json.items) groups.set(groupOf(item), [...(groups.get(groupOf(item)) ?? []), item]);
        assert.deepEqual(json.totals.map(groupOf).sort(), [...groups.keys()].sort());
        for (const total of json.totals) {
            const days = groups.get(groupOf(total));
            assert.equal(total.count, days.reduce((all, { count }) => all + count, 0));
            for (const member of ['amount', 'originalAmount', 'refundedAmount'])
                assert.equal(plain(total[member]), sum(days.map((item) => item[member])), member);
        }
    });

    test('ends before its end and starts at its start', async () => {
        for (const [query, days] of [
            [{ from: '2026-01-15', to: '2026-01-16' }, ['2026-01-15']],
            [{ to: '2026-01-15' }, ['2026-01-14']],
            [{ from: '2026-01-15T12:00:00.123Z', to: '2026-01-15T12:00:00.124Z' }, ['2026-01-15']],
            [{ from: '2026-01-15T12:00:00.124Z', to: '2026-01-16' }, []],
        ]) {
            const { json } = await summary(stack.finance, query);
            assert.deepEqual([...new Set(json.items.map(({ day }) => day))], days, JSON.stringify(query));
            assert.equal(json.totals.length > 0, days.length > 0);
            assert.equal(json.from === null, query.from === undefined);
        }
        const { json } = await summary(stack.finance);
        assert.deepEqual([json.from, json.to], [null, null]);
        assert.ok(Math.abs(Date.parse(json.asOf) - Date.now()) < 60_000, json.asOf);
    });

    test('refuses what it does not know, and whom', async () => {
        for (const [query, ...named] of [
            [{ from: 'x', to: 'y' }, '/from', '/to'], [{ currency: 'USD' }, '/currency'], [{ limit: '1' }, '/limit'], [{ cursor: 'x' }, '/cursor'],
        ])
            assert.deepEqual(pointers(await summary(stack.finance, query, refusedQuery)), named);
        await summary(stack.finance, { from: '2026-02-01', to: '2026-01-01' }, refusedQuery);
        await stack.finance.raw({ path: '/v1/reconciliation/summary?from=2026-01-01&from=2026-01-01', ...refusedQuery });
        await summary(stack.finance, {}, { headers: { accept: 'text/csv' }, expect: [406, 'not_acceptable'] });
        await summary(stack.api, {}, { expect: [403, 'insufficient_scope'] });
        await summary(stack.api.as(null), {}, { expect: [401, 'unauthorized'] });
    });
});

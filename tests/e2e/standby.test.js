// Finance reads from a hot standby, storefronts from the primary: a standby that lags shows finance the past, as of when it
// says, and nobody else.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { paymentsAtClink, released, sold } from './support/census.js';
import { allOfIt, reconcile, runCommand, summed } from './support/command.js';
import { Cluster, patient } from './support/database.js';
import { eventually } from './support/environment.js';
import { Standby } from './support/standby.js';
import { Stack } from './support/stack.js';

const seconds = 60;
const looked = 90; // the metrics look at the record again within a minute
const range = allOfIt();

let cluster;
let standby;
let stack;
let finance;
before(async () => {
    cluster = await Cluster.create();
    standby = await Standby.of(cluster);
    stack = await Stack.start('standby', { cluster: cluster.url });
    await standby.caughtUp();
    stack.service.settings.DATABASE_READ_URL = standby.urlOf(stack.database.serverUrl);
    await stack.service.restart();
    ({ finance } = stack);
});
after(async () => {
    await standby?.resume().catch(() => {});
    await stack?.close();
    await standby?.remove();
    await cluster?.remove();
});

const read = async (id, query = {}) => (await finance.call(id, { query, expect: 200 })).json;
const pages = {
    payments: () => read('listReconciliationPayments', { limit: '1000' }),
    sessions: () => read('listReconciliationSessions', { limit: '1000' }),
    refunds: () => read('listReconciliationRefunds', { limit: '1000' }),
    discrepancies: () => read('listDiscrepancies', { limit: '1000' }),
    summary: () => read('getReconciliationSummary'),
};
const has = ({ items }, merchantOrderId) => items.some((each) => each.merchantOrderId === merchantOrderId);
const shows = (merchantOrderId) =>
    eventually(`finance knows ${merchantOrderId}`, async () => has(await pages.payments(), merchantOrderId), seconds);

/** Everything in the feed after `after`, in pages of `limit`. */
async function feed(after = 0, limit = 7) {
    const items = [];
    for (;;) {
        const page = await read('readReconciliationEvents', { after: String(items.at(-1)?.feedNo ?? after), limit: String(limit) });
        items.push(...page.items);
        if (page.items.length === 0) return { items, lastFeedNo: page.lastFeedNo, asOf: page.asOf };
    }
}

const assertDense = (items, first = 1) => assert.deepEqual(items.map(({ feedNo }) => feedNo), items.map((_, index) => first + index));

/** The primary gives its events numbers. */
const numberedAtPrimary = async (merchantOrderId, kind) => {
    const question = 'select from reconciliation.events where merchant_order_id = $1 and kind = $2';
    return (await stack.database.query(question, [merchantOrderId, kind])).length > 0;
};

const shownAsOf = async () =>
    Number(/^checkout_finance_as_of_timestamp_seconds (\S+)$/m.exec((await stack.api.as(null).call('getMetrics', { expect: 200 })).text)?.[1]);

describe('a standby that follows', () => {
    test('is where finance reads', async () => {
        const { merchantOrderId } = await sold(stack);
        await shows(merchantOrderId);
        const [{ isStandby }] = await standby.query('select pg_is_in_recovery() as "isStandby"');
        assert.equal(isStandby, true);
        await eventually('the feed tells of it', async () => (await feed()).items.some((each) => each.merchantOrderId === merchantOrderId), seconds);
        assertDense((await feed()).items);
    });

    test('is as of now, more or less', async () => {
        const begun = Date.now();
        for (const [name, page] of Object.entries(pages)) {
            await eventually(`${name} is as of now`, async () => Date.parse((await page()).asOf) >= begun, seconds);
            assert.ok(Date.parse((await page()).asOf) <= Date.now(), name);
        }
    });
});

describe('asOf', () => {
    test('never says more than is shown, however far the standby is behind', async () => {
        const known = [];
        const looks = [];
        let isOver = false;
        const looking = (async () => {
            while (!isOver) {
                const [payments, { items, asOf }] = [await pages.payments(), await feed(0, 1000)];
                looks.push({ asOf: payments.asOf, items: payments.items }, { asOf, items });
            }
        })();
        try {
            for (let i = 0; i < 8; i++) {
                if (i % 3 === 1) await standby.pause();
                const { merchantOrderId } = await sold(stack);
                known.push({ merchantOrderId, at: Date.now() });
                if (i % 3 === 2) await standby.resume();
            }
            await standby.resume();
            await shows(known.at(-1).merchantOrderId);
            await eventually('a look is late enough to tell', async () => looks.some(({ asOf }) => Date.parse(asOf) > known.at(-1).at), seconds);
        } finally {
            isOver = true;
            await looking;
        }
        assert.ok(looks.length >= 8, `${looks.length} looks`);
        for (const look of looks)
            for (const { merchantOrderId, at } of known)
                if (at <= Date.parse(look.asOf)) assert.ok(has(look, merchantOrderId), `as of ${look.asOf}, ${merchantOrderId} of ${at} is not shown`);
    });
});

describe('a standby that stands still', () => {
    let known;
    let paused;
    let pausedAt;
    let sale;
    let open;
    before(async () => {
        known = await sold(stack);
        await shows(known.merchantOrderId);
        await standby.pause();
        pausedAt = Date.now();
        paused = { ...(await feed()) };
        for (const [name, page] of Object.entries(pages)) paused[name] = await page();
        sale = await sold(stack);
        open = await released(stack);
        await eventually('the primary has numbered it', () => numberedAtPrimary(sale.merchantOrderId, 'payment_recorded'), seconds);
        // The primary is a second further on, whatever was written: asOf would show it.
        await eventually('a second has passed', () => Date.now() > pausedAt + 1500, seconds);
    });

    test('shows finance what was, and as of when', async () => {
        for (const [name, page] of Object.entries(pages)) {
            const now = await page();
            assert.deepEqual(now, paused[name], name);
            assert.ok(Date.parse(now.asOf) <= pausedAt, name);
        }
        assert.ok(has(await pages.payments(), known.merchantOrderId));
        assert.ok(!has(await pages.payments(), sale.merchantOrderId));
    });

    test('shows exports the same', async () => {
        const [primary, read] = [stack.database.serverUrl, standby.urlOf(stack.database.serverUrl)].map(patient);
        for (const env of [{ DATABASE_READ_URL: read }, { DATABASE_URL: primary, DATABASE_READ_URL: read }]) {
            const { code, stdout, stderr } = await runCommand(['export', 'payments', ...range, '--format', 'ndjson'], env);
            assert.equal(code, 0, stderr);
            const rows = stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line));
            assert.deepEqual(rows, paused.payments.items);
        }
    });

    test('shows a stream the same, as of when', async () => {
        const headers = { accept: 'application/x-ndjson' };
        const { text, headers: answer } = await finance.raw({ path: '/v1/reconciliation/payments', headers, expect: 200 });
        assert.deepEqual(text.split('\n').filter(Boolean).map((line) => JSON.parse(line)), paused.payments.items);
        assert.equal(Date.parse(answer['as-of']), Date.parse(paused.payments.asOf));
    });

    test('has no more to the feed, and waits for it', async () => {
        const last = paused.items.at(-1).feedNo;
        const begun = Date.now();
        const page = await read('readReconciliationEvents', { after: String(last), wait: '1' });
        assert.deepEqual([page.items, page.lastFeedNo], [[], paused.lastFeedNo]);
        assert.ok(Date.now() >= begun + 900);
    });

    test('misleads no census', async () => {
        const env = { DATABASE_READ_URL: patient(standby.urlOf(stack.database.serverUrl)) };
        const certificate = await reconcile(stack, ['--all', ...range], { code: 0, env });
        assert.deepEqual(certificate.unknown, []);
        if (Date.parse(certificate.asOf) <= pausedAt) return; // it owned up to its age
        const references = (await stack.twin.sessions('')).map(({ session }) => session.merchantReferenceId);
        assert.deepEqual(certificate.matched, summed(await paymentsAtClink(stack.twin, references)));
    });

    test('shows in the metrics by its asOf', async () => {
        const wanted = Date.parse(paused.payments.asOf);
        await eventually('the figure is what finance is told', async () => Math.floor((await shownAsOf()) * 1000) === wanted, looked);
    });

    test('is nothing that a storefront sees', async () => {
        const { json: order } = await stack.api.order(sale.merchantOrderId);
        assert.deepEqual([order.state, order.payments.length], ['paid', 1]);
        assert.equal((await stack.api.session(open.sessionId)).json.status, 'open');
        assert.equal((await finance.order(sale.merchantOrderId)).json.state, 'paid');
        assert.ok((await stack.api.events(sale.merchantOrderId)).some(({ kind }) => kind === 'payment_recorded'));
        assert.match((await stack.api.explain(sale.merchantOrderId)).text, /paid/);
        const again = await sold(stack);
        await stack.api.call('createCheckoutSession', {
            body: { merchantOrderId: again.merchantOrderId, ...(await stack.api.order(again.merchantOrderId)).json.terms },
            expect: [409, 'order_already_paid'],
        });
    });

    test('that goes on shows the rest: the feed is dense and has everything once', async () => {
        const waiting = read('readReconciliationEvents', { after: String(paused.items.at(-1).feedNo), wait: '30' });
        await standby.resume();
        assert.ok((await waiting).items.length > 0, 'the reader that waits is answered');
        assertDense((await waiting).items, paused.items.at(-1).feedNo + 1);
        await shows(sale.merchantOrderId);
        await eventually('the metrics follow', async () => (await shownAsOf()) * 1000 > pausedAt, looked);
        const all = await eventually('the feed tells of it', async () => {
            const now = await feed();
            return now.items.some((each) => each.merchantOrderId === sale.merchantOrderId && each.kind === 'payment_recorded') && now;
        }, seconds);
        assertDense(all.items);
        assert.deepEqual(all.items.slice(0, paused.items.length), paused.items);
        assert.equal(new Set(all.items.map(({ eventId }) => eventId)).size, all.items.length);
        assert.ok(Date.parse(all.asOf) > pausedAt);
    });
});

describe('a discrepancy', () => {
    let found;
    before(async () => {
        const order = await released(stack);
        await stack.api.cancel(order.merchantOrderId);
        await stack.twin.pay(order.sessionId);
        await stack.api.refresh(order.sessionId);
        found = await stack.discrepancy(order.sessionId, 'paid_after_cancel', 'open', seconds);
    });

    test('is resolved at the primary, and shown as open until the standby knows', async () => {
        await standby.pause();
        const operator = stack.api.as(stack.service.tokens.operator);
        const body = { resolution: 'sent all the same' };
        const { json } = await operator.call('resolveDiscrepancy', { params: { id: found.id }, body, expect: 200 });
        assert.equal(json.state, 'resolved');
        const [shown] = await stack.discrepancies(found.sessionId, { state: 'open' });
        assert.deepEqual([shown.id, shown.state], [found.id, 'open']);
        await standby.resume();
        await eventually('it is shown as resolved', async () => (await stack.discrepancies(found.sessionId, { state: 'resolved' })).length === 1, seconds);
    });
});

describe('a standby that is away', () => {
    test('is a 503 to finance and nothing to storefronts, and comes back', async () => {
        await standby.stop();
        await finance.payments({}, { expect: [503, 'database_unavailable'] });
        const { merchantOrderId } = await sold(stack);
        assert.equal((await stack.api.order(merchantOrderId)).json.state, 'paid');
        await standby.start();
        const answers = async () => (await finance.payments({}, { expect: undefined })).status === 200;
        await eventually('finance reads again', answers, seconds);
        await shows(merchantOrderId);
        assertDense((await feed()).items);
    });
});

// A process that is told to stop: what is in flight finishes, or is handed over so that another replica goes on with it at
// once and not when a lease is over.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { allOfIt, ended, startCommand, startReconcile } from './support/command.js';
import { Cluster, connect, patient } from './support/database.js';
import { eventually } from './support/environment.js';
import { feed, insertPaid, Stream } from './support/finance.js';

import { RawConnection } from './support/http.js';
import { Stack } from './support/stack.js';
import { deliver, eventText, idOf, inbox, paidClaim, webhookKey } from './support/webhooks.js';

// A lease lasts 25 s, a claim 45 s: whatever goes on well before that was handed over.
const leaseMs = 25_000;
const handOverMs = 2_000;
const boundMs = handOverMs + 3_000;
const slowness = 4_000; // of a machine that has much else to do
const webhookSecret = webhookKey();
const env = { CLINK_TIMEOUT_MS: '20000', DRAIN_TIMEOUT_SECONDS: '1', CLINK_WEBHOOK_SIGNING_KEY: webhookSecret };

let stack;
before(async () => (stack = await Stack.start('drain', { env })));
after(() => stack?.close());

const replica = async (label, more = {}) => stack.clientOf(await stack.serve(`drain-${label}`, { env: { ...env, ...more } }));
const stall = (operation, match, ms = 15_000) => stack.twin.fault({ operation, fault: 'delay', match, delay_ms: ms });
const underWay = (reference) => stack.twin.called({ operation: 'create', reference });
const attemptsOf = async (reference) => (await stack.finance.order(reference)).json.attempts;

/** Ends it and gives how long that took; it has to end well. */
async function timedStop(service, signal) {
    const began = performance.now();
    const { code } = await service.stop(signal);
    assert.equal(code, 0);
    return performance.now() - began;
}

describe('a create whose call does not end in time', () => {
    test('is answered, its attempt is dark, and another replica makes the next one at once', async () => {
        const leaving = await replica('create');
        const terms = stack.order();
        await stall('create', terms.merchantOrderId);
        const create = leaving.create(terms, { expect: [504, 'clink_outcome_unknown'] });
        await underWay(terms.merchantOrderId);
        const began = performance.now();
        const stopped = timedStop(leaving.service);
        assert.equal((await create).headers.connection?.toLowerCase(), 'close');
        const next = await stack.api.create(terms);
        assert.ok(performance.now() - began < leaseMs / 2);
        assert.equal(next.json.attempt, 2);
        assert.ok((await stopped) < 1_000 + boundMs + slowness);
        const attempts = await attemptsOf(terms.merchantOrderId);
        assert.deepEqual(attempts.map(({ status, releasedAt }) => [status, releasedAt !== null]), [['dark', false], ['open', true]]);
    });

    test('is shown to those who wait for it as under way', async () => {
        const leaving = await replica('waiter');
        const terms = stack.order();
        await stall('create', terms.merchantOrderId, 12_000);
        const winner = stack.api.create(terms);
        await underWay(terms.merchantOrderId);
        const waiter = leaving.create(terms, { expect: [409, 'creation_in_progress'] });
        await eventually('it waits', async () =>
            (await stack.database.query('select 1 from checkout.sessions where awaited and status = $1', ['creating'])).length > 0);
        assert.ok((await timedStop(leaving.service)) < 1_000 + boundMs + slowness);
        assert.match((await waiter).headers['retry-after'], /^[1-9][0-9]*$/);
        await winner;
    });

    test('ends sooner when the process is told to stop a second time', async () => {
        const leaving = await replica('twice', { DRAIN_TIMEOUT_SECONDS: '600', DRAIN_DELAY_SECONDS: '600' });
        const terms = stack.order();
        await stall('create', terms.merchantOrderId);
        const create = leaving.create(terms, { expect: [504, 'clink_outcome_unknown'] });
        await underWay(terms.merchantOrderId);
        leaving.service.process.signal('SIGTERM');
        await leaving.service.readiness(503);
        const stopped = timedStop(leaving.service);
        await create;
        assert.ok((await stopped) < boundMs + slowness);
        assert.equal((await stack.api.create(terms)).json.attempt, 2);
    });
});

describe('what was claimed', () => {
    const sweeping = { SWEEP_INTERVAL_SECONDS: '1', SWEEP_SCHEDULE_SECONDS: '600' };
    const makeDue = ({ sessionId }) =>
        stack.database.query('update checkout.sessions set next_check_at = now() where clink_session_id = $1', [sessionId]);
    const released = async () => (await stack.api.create(stack.order())).json;
    const asked = (sessionId) =>
        eventually('Clink is asked', async () => {
            const calls = await stack.twin.calls({ operation: 'get_session' });
            return calls.some(({ target }) => target.endsWith(sessionId));
        });

    test('by the sweeper, and is being asked about, is asked about by another at once', async () => {
        const session = await released();
        await stack.twin.pay(session.sessionId);
        await stall('get_session', session.sessionId, 60_000);
        const leaving = await replica('asking', sweeping);
        await makeDue(session);
        await asked(session.sessionId);
        await timedStop(leaving.service);
        const next = await replica('asking-next', sweeping);
        const order = await stack.settled(session.merchantOrderId, 'paid', 20);
        assert.equal(order.attempts[0].settledBy, 'sweeper');
        const [{ failed_checks: failures }] = await stack.database.query(
            'select failed_checks from checkout.sessions where clink_session_id = $1', [session.sessionId]);
        assert.equal(failures, 0, 'a drain is no failure of Clink');
        await next.service.stop();
    });

    test('by the sweeper while it was told to stop is left to others', async () => {
        const session = await released();
        await stack.database.query(`create function checkout.dawdle() returns trigger language plpgsql as $$ begin
            if new.clink_session_id = '${session.sessionId}' and new.next_check_at > now() + interval '10 seconds' -- a claim
            then perform pg_sleep(4); end if; return new; end $$`);
        await stack.database.query(
            'create trigger dawdle before update of next_check_at on checkout.sessions for each row execute function checkout.dawdle()');
        await makeDue(session);
        const leaving = await replica('claiming', { ...sweeping, DRAIN_TIMEOUT_SECONDS: '20' });
        await eventually('it claims', async () => {
            const found = await stack.database.query("select 1 from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()");
            return found.length > 0;
        });
        await timedStop(leaving.service);
        await stack.database.query('drop trigger dawdle on checkout.sessions');
        const [{ due }] = await stack.database.query(
            'select next_check_at <= now() as due from checkout.sessions where clink_session_id = $1', [session.sessionId]);
        assert.equal(due, true);
        const calls = await stack.twin.calls({ operation: 'get_session' });
        assert.ok(!calls.some(({ target }) => target.endsWith(session.sessionId)));
    });

    test('of the webhooks is handled by another at once', async () => {
        const session = await released();
        await stack.twin.pay(session.sessionId);
        const [{ orderId }] = await stack.twin.orders(session.merchantOrderId);
        await stall('get_session', session.sessionId, 60_000);
        const leaving = await replica('webhook');
        const event = eventText('order.succeeded', paidClaim(session, { orderId }));
        await deliver(leaving, event, { key: webhookSecret });
        await asked(session.sessionId);
        await timedStop(leaving.service);
        const [kept] = await inbox(stack.database, [idOf(event)]);
        assert.deepEqual([kept.state, kept.tries], ['received', 0]);
        const next = await replica('webhook-next', sweeping);
        const order = await stack.settled(session.merchantOrderId, 'paid', 20);
        assert.equal(order.attempts[0].settledBy, 'webhook');
        await next.service.stop();
    });

    test('of the refunds is asked about by another at once', async () => {
        const session = await released();
        await stack.twin.pay(session.sessionId);
        await stack.api.refresh(session.sessionId);
        await stack.twin.act(session.sessionId, 'refund', { outcome: 'pending' });
        const [{ refunds: [{ refundId, orderId }] }] =
            await stack.twin.control('GET', `orders?${new URLSearchParams({ merchantReferenceId: session.merchantOrderId })}`);
        const event = eventText('refund.created', { refundId, orderId });
        await deliver(stack.api, event, { key: webhookSecret });
        await eventually('the refund is on record', async () => (await stack.finance.order(session.merchantOrderId)).json.refunds.length === 1);
        await stall('get_refund', refundId, 60_000);
        await stack.twin.control('POST', `refunds/${refundId}/settle`, { outcome: 'success' });
        const { length: before } = await stack.twin.calls({ operation: 'get_refund' });
        await stack.database.query('update checkout.refunds set next_check_at = now() where clink_refund_id = $1', [refundId]);
        const leaving = await replica('refund', sweeping);
        await stack.twin.called({ operation: 'get_refund' }, before + 1);
        await timedStop(leaving.service);
        const next = await replica('refund-next', sweeping);
        await stack.settled(session.merchantOrderId, 'refunded', 20);
        await next.service.stop();
    });
});

describe('connections', () => {
    const request = (path) => `GET ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${stack.service.tokens.storefront}\r\n\r\n`;

    test('are told to close while it still accepts, and readiness says no', async () => {
        const leaving = await replica('delay', { DRAIN_DELAY_SECONDS: '5' });
        const kept = await RawConnection.open(leaving.service.base);
        kept.send(request('/docs'));
        assert.equal((await kept.answer()).headers.connection, undefined);
        const stopped = timedStop(leaving.service);
        await leaving.service.readiness(503);
        kept.send(request('/docs'));
        assert.equal((await kept.answer()).headers.connection, 'close');
        await kept.untilClosed();
        await leaving.create(stack.order());
        assert.ok((await stopped) >= 5_000);
    });

    test('that are idle end in good order, and a request that is on its way is served', async () => {
        const leaving = await replica('idle', { DRAIN_TIMEOUT_SECONDS: '20' });
        const idle = await RawConnection.open(leaving.service.base);
        const errors = [];
        idle.socket.on('error', (error) => errors.push(error.code));
        idle.send(request('/docs'));
        await idle.answer();
        const late = await RawConnection.open(leaving.service.base);
        late.send('GET /docs HTTP/1.1\r\n');
        await leaving.order('none', { expect: 404 }); // a turn of the service's loop: the first line was read
        const stopped = timedStop(leaving.service);
        await eventually('it drains', async () => leaving.service.process.stderr.includes('"drain_started"'));
        late.send('Host: a\r\n\r\n');
        const answer = await late.answer();
        assert.deepEqual([answer.status, answer.headers.connection], [200, 'close']);
        await idle.untilClosed();
        assert.deepEqual(errors, []);
        await stopped;
    });

    test("of the feed's readers who wait are answered at once", async () => {
        const leaving = await replica('feed', { DRAIN_TIMEOUT_SECONDS: '25' });
        const client = leaving.as(leaving.service.tokens.finance);
        const { json: { lastFeedNo } } = await feed(client, { after: '0', limit: '1' });
        const quiet = String(lastFeedNo + 1_000_000);
        const waiting = feed(client, { after: quiet, wait: '30' });
        await feed(client, { after: quiet, wait: '1' });
        const took = timedStop(leaving.service);
        const { json, headers } = await waiting;
        assert.deepEqual([json.items, headers.connection], [[], 'close']);
        assert.ok((await took) < boundMs + slowness);
    });

    test('of exports that are not taken in time are cut, and seen to be', async () => {
        await insertPaid(stack.database, 6000, { prefix: 'drain-', bulk: 2000 });
        const leaving = await replica('export');
        const client = leaving.as(leaving.service.tokens.finance);
        const stream = await Stream.open(client, 'payments', { accept: 'application/x-ndjson' });
        await stream.take(100_000);
        assert.ok((await timedStop(leaving.service)) < 15_000);
        const { whole, trailers } = await stream.rest();
        assert.deepEqual([whole, trailers], [false, {}]);
    });
});

describe('a database that stands still', () => {
    let cluster;
    let frozen;
    before(async () => {
        cluster = await Cluster.create();
        frozen = await Stack.start('drain-frozen', { cluster: cluster.url, env });
    });
    after(async () => {
        cluster?.thaw();
        await frozen?.close();
        await cluster?.remove();
    });

    test('does not keep the process from its end', async () => {
        const terms = frozen.order();
        const create = frozen.api.create(terms, { expect: undefined }).catch((error) => error);
        await create;
        cluster.freeze();
        const lost = frozen.api.create(frozen.order(), { expect: undefined }).catch((error) => error);
        const read = frozen.api.order(terms.merchantOrderId, { expect: undefined }).catch((error) => error);
        await eventually('it is waited for', async () => (await frozen.api.call('livez', { expect: 200 })).status === 200);
        assert.ok((await timedStop(frozen.service)) < 1_000 + boundMs + 2 * slowness);
        for (const answer of [await lost, await read]) assert.ok(answer instanceof Error || answer.status === 503, String(answer.status));
        cluster.thaw();
        await frozen.service.start();
        assert.equal((await frozen.api.create(terms, { expect: 200 })).json.attempt, 1);
    });
});

describe('the commands', () => {
    test('reconcile gives back what it was asking about, and the next run need not wait for it', async () => {
        for (let i = 0; i < 4; i++) await stack.api.create(stack.order());
        await stack.twin.fault({ operation: 'get_session', fault: 'delay', delay_ms: 60_000, count: 4 });
        const range = allOfIt();
        const first = startReconcile(stack, range, { CLINK_TIMEOUT_MS: '20000' });
        await stack.twin.called({ operation: 'get_session' }, 1);
        await eventually('orders are claimed', async () =>
            (await stack.database.query('select 1 from checkout.census_orders where lease_until > now()')).length > 0, 60);
        const began = performance.now();
        assert.equal((await first.stop('SIGTERM')).code, 1);
        assert.ok(performance.now() - began < 8_000 + slowness);
        assert.equal(first.stdout, '', 'no certificate of half the truth');
        const left = await stack.database.query('select lease_until, tries from checkout.census_orders where result is null');
        assert.ok(left.length > 0);
        for (const order of left) assert.deepEqual(order, { lease_until: null, tries: 0 });
        await stack.twin.clearFaults();
        const { code, stdout } = await ended(startReconcile(stack, range));
        assert.ok([0, 3].includes(code), String(code));
        assert.equal(JSON.parse(stdout).notAnswered, 0);
    });

    for (const args of [['export', 'payments', ...allOfIt()], ['migrate']])
        test(`${args[0]} ends also as the first process of a container`, async () => {
            const locker = await connect(stack.database.superuserUrl);
            try {
                await locker.query('begin; lock table checkout.payments, checkout.schema_migrations in access exclusive mode');
                const settings = { DATABASE_URL: patient(args[0] === 'migrate' ? stack.database.ownerUrl : stack.database.serverUrl) };
                const command = startCommand(args, settings);
                await eventually('it waits', async () => {
                    const here = '(select oid from pg_database where datname = current_database())';
                    const blocked = `select 1 from pg_locks where not granted and database = ${here}`;
                    return (await stack.database.query(blocked)).length > 0;
                });
                assert.deepEqual(await command.stop('SIGTERM'), { code: 1, signal: null });
            } finally {
                await locker.end();
            }
        });
});

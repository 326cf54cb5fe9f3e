// The sweeper: with every redirect and every webhook lost, each payment is known soon, and Clink is asked no more than needed.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';

import { eventually } from './support/environment.js';
import { exchange } from './support/http.js';
import { Stack } from './support/stack.js';

const quick = { SWEEP_INTERVAL_SECONDS: '1', SWEEP_SCHEDULE_SECONDS: '1,2,3', CLINK_TIMEOUT_MS: '5000' };

const kindsOf = (order) => order.openDiscrepancies.map(({ kind }) => kind);
const many = (count, work) => Promise.all(Array.from({ length: count }, (_, i) => work(i)));
const sessionQuestions = (stack, { sessionId }) =>
    stack.twin.calls({ operation: 'get_session' }).then((calls) => calls.filter(({ target }) => target.endsWith(sessionId)));
const due = (stack, { sessionId }) =>
    stack.database.query('update checkout.sessions set next_check_at = now() where clink_session_id = $1', [sessionId]);

const otherTerms = (terms, amount = '59.90') => ({
    ...terms, originalAmount: amount, priceDataList: [{ name: 'Enamel mug', unitAmount: amount }], supersede: true,
});

// Each part has a stack of its own, so they go on side by side.
describe('the sweeper', { concurrency: 3 }, () => {
    describe('nobody comes back and nothing is told', { concurrency: true }, () => {
        let stack;
        before(async () => (stack = await Stack.start('sweeper', { env: quick })));
        after(() => stack?.close());

        test('every payment becomes known, within the published bound', async () => {
            const sessions = await many(30, async () => (await stack.api.create(stack.order())).json);
            const paid = sessions.filter((_, i) => i % 3 !== 0);
            const at = new Map();
            for (const { sessionId } of paid) {
                await stack.twin.pay(sessionId);
                at.set(sessionId, Date.now());
            }
            const known = new Map();
            await eventually('all are known', async () => {
                for (const { merchantOrderId, sessionId } of paid) {
                    if (known.has(sessionId)) continue;
                    const { json: order } = await stack.api.order(merchantOrderId);
                    if (order.state !== 'paid') continue;
                    known.set(sessionId, Date.now() - at.get(sessionId));
                    assert.deepEqual([order.attempts[0].settledBy, order.payments[0].evidence], ['sweeper', 'sweeper']);
                    assert.deepEqual([order.payments.length, order.payments[0].verdict, kindsOf(order)], [1, 'exact', []]);
                }
                return known.size === paid.length;
            }, 40);
            // Asked every 3 s at the latest, looked at once per second, a moment for 30 questions, and a machine that is busy.
            const slowest = Math.max(...known.values());
            assert.ok(slowest < 20_000, `${slowest} ms`);
            for (const [i, { merchantOrderId }] of sessions.entries())
                if (i % 3 === 0) assert.equal((await stack.api.order(merchantOrderId)).json.state, 'unpaid');
        });

        test('a session is asked about by its schedule, not all the time', async () => {
            const { json: session } = await stack.api.create(stack.order());
            const [{ released_at: released }] = await stack.database.query(
                'select released_at from checkout.sessions where clink_session_id = $1',
                [session.sessionId],
            );
            const calls = await eventually('it was asked about four times', async () => {
                const found = await sessionQuestions(stack, session);
                return found.length >= 4 && found;
            }, 40);
            // At 1, 2 and 3 s and then every 3 s, as the sweeper gets to it, which looks once per second.
            const seconds = [0, ...calls.slice(0, 4).map(({ at }) => (Date.parse(at) - released.getTime()) / 1000)];
            assert.ok(seconds[1] >= 0.95 && seconds[1] < 8, seconds.join(' '));
            assert.ok(seconds[4] >= 5.95, seconds.join(' '));
            for (let i = 2; i < seconds.length; i++) assert.ok(seconds[i] - seconds[i - 1] < 10, seconds.join(' '));
            const { json } = await stack.api.session(session.sessionId);
            assert.deepEqual([json.status, json.settledBy], ['open', null]);
            assert.notEqual(json.checkedAt, null);
            const kinds = (await stack.api.events(session.merchantOrderId)).map(({ kind }) => kind);
            assert.deepEqual(kinds, ['attempt_created', 'session_released']);
        });

        test('processing is followed to its end', async () => {
            const { json: session } = await stack.api.create(stack.order());
            await stack.twin.act(session.sessionId, 'process');
            await stack.settled(session.merchantOrderId, 'processing');
            await stack.twin.act(session.sessionId, 'settle', { outcome: 'success' });
            const order = await stack.settled(session.merchantOrderId, 'paid');
            assert.equal(order.attempts[0].settledBy, 'sweeper');
        });

        test('processing that outlives the session is followed, too', async () => {
            const { json: session } = await stack.api.create(stack.order());
            await stack.twin.act(session.sessionId, 'process');
            await stack.settled(session.merchantOrderId, 'processing');
            await stack.twin.act(session.sessionId, 'expire');
            await eventually('it has expired', async () => (await stack.api.session(session.sessionId)).json.status === 'expired');
            await stack.twin.act(session.sessionId, 'settle', { outcome: 'success' });
            await stack.settled(session.merchantOrderId, 'paid');
        });

        test('expiry is learned', async () => {
            const terms = stack.order();
            const { json: session } = await stack.api.create(terms);
            await stack.twin.act(session.sessionId, 'expire');
            await eventually('it has expired', async () => (await stack.api.session(session.sessionId)).json.status === 'expired');
            const { json } = await stack.api.session(session.sessionId);
            assert.deepEqual([json.settledBy, json.url], ['sweeper', null]);
            assert.equal((await stack.api.create(terms)).json.attempt, 2);
        });

        for (const [name, choice] of [['', {}], [', its status staying expired', { stays_expired: true }]])
            test(`a payment after expiry is found${name}`, async () => {
                const { json: session } = await stack.api.create(stack.order());
                await stack.twin.act(session.sessionId, 'expire');
                await eventually('it has expired', async () => (await stack.api.session(session.sessionId)).json.status === 'expired');
                await stack.twin.act(session.sessionId, 'pay-after-expiry', choice);
                await due(stack, session);
                const order = await stack.settled(session.merchantOrderId, 'paid');
                assert.deepEqual([order.attempts[0].settledBy, kindsOf(order)], ['sweeper', ['paid_after_expiry']]);
            });

        test('after its end a session is asked about again after a minute, ten, an hour, six and a day', async () => {
            const { json: session } = await stack.api.create(stack.order());
            await stack.twin.act(session.sessionId, 'expire');
            await eventually('it has expired', async () => (await stack.api.session(session.sessionId)).json.status === 'expired');
            const [{ wait }] = await stack.database.query(
                `select extract(epoch from next_check_at - ended_at)::float as wait from checkout.sessions where clink_session_id = $1`,
                [session.sessionId],
            );
            assert.ok(wait > 55 && wait < 70, `${wait} s`);
        });

        test('a superseded session that is paid is found', async () => {
            const terms = stack.order();
            const { json: old } = await stack.api.create(terms);
            await stack.api.create(otherTerms(terms));
            await stack.twin.pay(old.sessionId);
            const order = await stack.settled(terms.merchantOrderId, 'paid');
            assert.deepEqual(kindsOf(order), ['paid_on_superseded']);
            assert.equal(order.attempts[0].settledBy, 'sweeper');
        });

        test('both sessions of an order that are paid are found: a duplicate', async () => {
            const terms = stack.order();
            const { json: old } = await stack.api.create(terms);
            const { json: fresh } = await stack.api.create(otherTerms(terms));
            await Promise.all([old, fresh].map(({ sessionId }) => stack.twin.pay(sessionId)));
            const order = await stack.settled(terms.merchantOrderId, 'overpaid');
            assert.equal(order.payments.length, 2);
            await stack.discrepancy(terms.merchantOrderId, 'duplicate_payment');
            await stack.discrepancy(old.sessionId, 'paid_on_superseded');
        });

        test('a cancelled order that is paid is found', async () => {
            const { json: session } = await stack.api.create(stack.order());
            await stack.api.cancel(session.merchantOrderId);
            await stack.twin.pay(session.sessionId);
            const order = await stack.settled(session.merchantOrderId, 'paid');
            assert.deepEqual(kindsOf(order), ['paid_after_cancel']);
            await stack.api.cancel(session.merchantOrderId, { expect: [409, 'order_already_paid'] });
        });
    });

    describe('the process is killed', { concurrency: 1 }, () => {
        let stack;
        before(async () => (stack = await Stack.start('sweeper-killed', { env: quick })));
        after(() => stack?.close());

        test('between intent and answer: the attempt goes dark by itself, and its payment is found', async () => {
            const terms = stack.order();
            await stack.twin.fault({ operation: 'create', match: terms.merchantOrderId, fault: 'delay', delay_ms: 60_000 });
            const lost = stack.api.create(terms, { expect: undefined }).catch((error) => error);
            await stack.twin.called({ operation: 'create', reference: terms.merchantOrderId });
            await stack.service.restart('SIGKILL');
            assert.ok((await lost) instanceof Error, 'nobody was answered');
            assert.equal((await stack.api.order(terms.merchantOrderId)).json.attempts[0].status, 'creating');

            // CLINK_TIMEOUT_MS + 5 s after the intent, and the next sweep.
            const dark = await eventually('the lease runs out', async () => {
                const { json: order } = await stack.finance.order(terms.merchantOrderId);
                return order.attempts[0].status === 'dark' && order;
            }, 30);
            assert.deepEqual([dark.attempts[0].releasedAt, dark.state], [null, 'unpaid']);
            const kinds = (await stack.api.events(terms.merchantOrderId)).map(({ kind }) => kind);
            assert.deepEqual(kinds, ['attempt_created', 'attempt_dark']);

            const [{ sessionId }] = await stack.twin.sessions(terms.merchantOrderId);
            await stack.twin.pay(sessionId);
            const order = await stack.settled(terms.merchantOrderId, 'paid', 15);
            assert.deepEqual(kindsOf(order), ['paid_on_dark_session']);
        });

        test('between claim and answer: another one asks', async () => {
            const { merchantOrderId, sessionId } = (await stack.api.create(stack.order())).json;
            await stack.service.stop();
            await stack.twin.fault({ operation: 'get_session', match: sessionId, fault: 'stall', wait_ms: 60_000, count: 0 });
            const dying = await stack.serve('sweeper-dying', { env: { ...quick, CLINK_TIMEOUT_MS: '1500' } }); // its claims are short
            await stack.twin.called({ operation: 'get_session', reference: merchantOrderId });
            dying.mayEndBadly = true;
            await dying.stop('SIGKILL');
            await stack.twin.pay(sessionId);
            await stack.twin.clearFaults();
            await stack.service.start();
            const order = await stack.settled(merchantOrderId, 'paid', 30);
            assert.equal(order.attempts[0].settledBy, 'sweeper');
        });
    });

    describe('Clink is down', { concurrency: 1 }, () => {
        let stack;
        before(async () => (stack = await Stack.start('sweeper-outage', { env: quick })));
        after(() => stack?.close());

        afterEach(() => stack.twin.clearFaults());

        for (const [how, fault] of [
            ['HTTP 503', { fault: 'http_status', status: 503 }],
            ['code 500 under HTTP 200', { fault: 'business_error', code: 500, msg: 'try later' }],
            ['code 401 under HTTP 200', { fault: 'business_error', code: 401, msg: 'API key not found' }],
        ]) test(`${how}: it is asked ever less, nothing is escalated, and all is known soon after it is back`, async () => {
            const sessions = await many(20, async () => (await stack.api.create(stack.order())).json);
            await stack.twin.fault({ ...fault, count: 0 });
            for (const { sessionId } of sessions) await stack.twin.pay(sessionId);
            // Far past expiry, where silence about one of them alone would be a discrepancy.
            await stack.database.query("update checkout.sessions set expire_time = now() - interval '3 hours', next_check_at = now()");

            const began = Date.now();
            const failures = async () =>
                (await stack.twin.calls({ operation: 'get_session' })).filter(({ at }) => Date.parse(at) >= began);
            await eventually('the sweeper has noticed', async () => {
                const { text } = await exchange(stack.service.admin, { path: '/metrics' });
                return (await failures()).length > 0 && text.includes('\ncheckout_clink_circuit_open 1\n');
            }, 20);
            const noticed = Date.now();
            await eventually('five seconds pass', () => Date.now() - noticed > 5_000);
            const calls = (await failures()).map(({ at }) => Date.parse(at) - noticed);
            const late = calls.filter((at) => at >= 2_000 && at < 5_000).length;
            assert.ok(late <= 6, `${late} calls in three seconds`); // two questions at most, of three tries each

            // The one that starts knows nothing of the outage; counted before it asks.
            await stack.service.stop();
            const seen = (await failures()).length;
            await stack.database.query('update checkout.sessions set next_check_at = now()');
            await stack.service.start();
            await eventually('Clink is asked again', async () => (await failures()).length > seen + 3);
            const { json } = await stack.finance.discrepancies({ kind: 'stuck_unknown' });
            assert.deepEqual(json.items, []);

            await stack.twin.clearFaults();
            const back = Date.now();
            for (const { merchantOrderId } of sessions) await stack.settled(merchantOrderId, 'paid', 20);
            const took = Date.now() - back;
            assert.ok(took < 15_000, `${took} ms`);
        });

        test('for longer than six hours after an expiry: stuck_unknown, until it is back', async () => {
            const { sessionId, merchantOrderId } = (await stack.api.create(stack.order())).json;
            await stack.twin.fault({ fault: 'http_status', status: 503, count: 0 });
            await stack.database.query(
                "update checkout.sessions set expire_time = now() - interval '7 hours', next_check_at = now() where clink_session_id = $1",
                [sessionId],
            );
            const shown = async () => (await stack.discrepancies(merchantOrderId, { kind: 'stuck_unknown' })).length;
            await eventually('its silence is shown', async () => (await shown()) === 1, 60);
            await stack.twin.clearFaults();
            await eventually('and no more', async () => (await shown()) === 0, 60);
        });

        test('about one session alone: stuck_unknown after an hour past expiry, until it is answered', async () => {
            const [silent, other] = await many(2, async () => (await stack.api.create(stack.order())).json);
            const mute = { operation: 'get_session', match: silent.sessionId, fault: 'http_status', status: 500, count: 0 };
            await stack.twin.fault(mute);
            const shift = (interval) =>
                stack.database.query(
                    `update checkout.sessions set expire_time = now() - $2::interval, next_check_at = now()
                     where clink_session_id = $1`,
                    [silent.sessionId, interval],
                );
            await shift('50 minutes');
            await stack.twin.called({ operation: 'get_session', reference: silent.merchantOrderId }, 2);
            assert.deepEqual(await stack.discrepancies(silent.merchantOrderId), []);
            await shift('61 minutes');
            await eventually('its silence is shown', async () => {
                await shift('61 minutes');
                return (await stack.discrepancies(silent.merchantOrderId, { kind: 'stuck_unknown' })).length === 1;
            }, 15);
            assert.equal((await stack.finance.order(silent.merchantOrderId)).json.state, 'unpaid');
            assert.deepEqual(await stack.discrepancies(other.merchantOrderId), []);

            await stack.twin.clearFaults();
            await due(stack, silent);
            await stack.discrepancy(silent.merchantOrderId, 'stuck_unknown', 'resolved', 15);
            assert.deepEqual(await stack.discrepancies(silent.merchantOrderId), []);
        });
    });

    describe('two replicas', { concurrency: 1 }, () => {
        let stack;
        const env = { ...quick, CLINK_TIMEOUT_MS: '10000', SWEEP_SCHEDULE_SECONDS: '2,600', SWEEP_MAX_PER_SECOND: '15' };
        before(async () => (stack = await Stack.start('sweeper-shared', { env })));
        after(() => stack?.close());

        test('share the work: each session is asked about once in a round', async () => {
            await stack.serve('sweeper-shared-replica', { env });
            const sessions = await many(60, async () => (await stack.api.create(stack.order())).json);
            await eventually('each was asked about', async () => {
                const rows = await stack.database.query('select 1 from checkout.sessions where checked_at is null limit 1');
                return rows.length === 0;
            }, 15);
            const calls = await stack.twin.calls({ operation: 'get_session' });
            const asked = new Map();
            for (const { target } of calls) asked.set(target, (asked.get(target) ?? 0) + 1);
            assert.equal(asked.size, sessions.length);
            assert.deepEqual([...new Set(asked.values())], [1]);
            for (const { process } of stack.services)
                assert.ok(process.logLines().some(({ event, route }) => event === 'clink_exchange' && route === '/checkout/session/{id}'));
        });
    });

    describe('SWEEP_MAX_PER_SECOND', { concurrency: 1 }, () => {
        let stack;
        before(async () => {
            const env = { ...quick, SWEEP_SCHEDULE_SECONDS: '600', SWEEP_MAX_PER_SECOND: '10' };
            stack = await Stack.start('sweeper-budget', { env });
        });
        after(() => stack?.close());

        test('bounds the questions', async () => {
            const sessions = await many(40, async () => (await stack.api.create(stack.order())).json);
            const asked = () => stack.twin.calls({ operation: 'get_session' });
            assert.deepEqual(await asked(), []);
            await stack.database.query('update checkout.sessions set next_check_at = now()');
            await eventually('all were asked about', async () => (await asked()).length >= sessions.length, 20);
            const times = (await asked()).map(({ at }) => Date.parse(at));
            for (const [i, at] of times.entries()) {
                const inOneSecond = times.slice(i).filter((each) => each < at + 1000).length;
                assert.ok(inOneSecond <= 30, `${inOneSecond} questions in a second`); // a bucket's burst, a second's refill, and delays
            }
            assert.ok(times.at(-1) - times[0] >= 1900, `${times.at(-1) - times[0]} ms for ${times.length} questions`);
        });

        test('goes to those never asked about first, then to those that expire soonest', async () => {
            const asked = () => stack.twin.calls({ operation: 'get_session', after: seen });
            const seen = (await stack.twin.calls()).at(-1).number;
            const rows = await stack.database.query('select clink_session_id as id from checkout.sessions order by random()');
            const known = rows.map(({ id }) => id);
            const fresh = await many(10, async () => (await stack.api.create(stack.order())).json.sessionId);
            await stack.database.query(
                `update checkout.sessions s set next_check_at = now(), expire_time = now() + place * interval '1 minute'
                 from unnest($1::text[]) with ordinality as wanted (id, place) where s.clink_session_id = wanted.id`,
                [[...known, ...fresh]],
            );
            const expected = [...fresh, ...known];
            await eventually('all were asked about', async () => (await asked()).length >= expected.length, 20);
            const order = (await asked()).map(({ target }) => target.split('/').pop());
            assert.deepEqual(new Set(order.slice(0, fresh.length)), new Set(fresh));
            // Those of one claim are asked about at the same time.
            for (const [place, id] of expected.entries())
                assert.ok(Math.abs(order.indexOf(id) - place) <= 10, `${id} was asked about as number ${order.indexOf(id)}, not ${place}`);
        });

        test('leaves no kind of question out, however many sessions are due', async () => {
            await stack.database.query(`insert into checkout.webhooks (event_id, body, signed_at, next_try_at)
                values ('evt_waiting', '', now(), now())`);
            await eventually('the webhook is looked at', async () => {
                await stack.database.query("update checkout.sessions set next_check_at = now()");
                const [{ outcome }] = await stack.database.query("select outcome from checkout.webhooks where event_id = 'evt_waiting'");
                return outcome !== null;
            }, 15, 50);
        });
    });

    describe('SWEEP_INTERVAL_SECONDS=0', { concurrency: 1 }, () => {
        let stack;
        before(async () => (stack = await Stack.start('sweeper-off', { env: { ...quick, SWEEP_INTERVAL_SECONDS: '0' } })));
        after(() => stack?.close());

        test('asks nothing', async () => {
            const { json: session } = await stack.api.create(stack.order());
            await stack.twin.pay(session.sessionId);
            await due(stack, session);
            const on = await stack.serve('sweeper-on', { env: { ...quick, DATABASE_POOL_SIZE: '4' } });
            await stack.settled(session.merchantOrderId, 'paid');
            await on.stop();
            const { json: next } = await stack.api.create(stack.order());
            await stack.twin.pay(next.sessionId);
            const calls = await stack.twin.callCount();
            const due_at = Date.now() + 3_000;
            await due(stack, next);
            await eventually('three seconds pass', () => Date.now() > due_at, 5);
            assert.equal(await stack.twin.callCount(), calls);
            assert.equal((await stack.api.order(next.merchantOrderId)).json.state, 'unpaid');
        });
    });
});

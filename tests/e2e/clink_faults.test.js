// Clink at its worst: each way in which a create can go wrong has its code, its state of the attempt, and a next request
// that makes the next attempt.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { eventually } from './support/environment.js';
import { Stack } from './support/stack.js';

const hastyMs = 1500;
let stack;
let hasty; // who gives up soon on an answer that does not come at all
before(async () => {
    stack = await Stack.start('clink-faults', { env: { CLINK_TIMEOUT_MS: '5000' } });
    hasty = stack.clientOf(await stack.serve('clink-faults-hasty', { env: { CLINK_TIMEOUT_MS: String(hastyMs) } }));
});
after(() => stack?.close());

const attemptsOf = async ({ merchantOrderId }) => (await stack.api.order(merchantOrderId)).json.attempts;
const callsOf = ({ merchantOrderId }, operation = 'create') => stack.twin.calls({ operation, reference: merchantOrderId });

const unknown = { expect: [504, 'clink_outcome_unknown'], status: 'dark' };
const tooLate = { ...unknown, isLate: true };
const refused = { expect: [502, 'clink_rejected'], status: 'refused' };
const mismatch = { expect: [502, 'clink_answer_mismatch'], status: 'dark' };

describe('a create', () => {
    const cases = [
        ['answer lost after the work', { fault: 'lost_answer' }, unknown],
        ['closed before the work', { fault: 'close' }, unknown],
        ['reset', { fault: 'reset' }, unknown],
        ['stalled', { fault: 'stall', wait_ms: 10 * hastyMs }, tooLate],
        ['answer cut short', { fault: 'truncate', bytes: 20 }, unknown],
        ['answer in drips', { fault: 'slow_body', bytes: 1, wait_ms: 200 }, tooLate],
        ['answer too late', { fault: 'delay', delay_ms: 10 * hastyMs }, tooLate],
        ['HTTP 500', { fault: 'http_status', status: 500, body: '{"code":500,"msg":"oops","data":null}' }, unknown],
        ['HTTP 500 after the work', { fault: 'http_status', status: 500, after_work: true }, unknown],
        ['HTTP 502 in text', { fault: 'http_status', status: 502, body: 'Bad Gateway' }, unknown],
        ['HTTP 503', { fault: 'http_status', status: 503 }, unknown],
        ['HTTP 504', { fault: 'http_status', status: 504 }, unknown],
        ['HTTP 408', { fault: 'http_status', status: 408 }, unknown],
        ['HTTP 200 without a body', { fault: 'empty_200' }, unknown],
        ['HTTP 200 with a page', { fault: 'html_200' }, unknown],
        ['HTTP 200 without data', { fault: 'null_data' }, unknown],
        ['broken JSON', { fault: 'malformed' }, unknown],
        ['no url for a hosted page', { fault: 'missing_url' }, unknown],
        ['an answer without end', { fault: 'oversize' }, unknown],
        ['HTTP 200 with code 400', { fault: 'business_error', status: 200, code: 400, msg: 'amount is wrong' }, refused],
        ['HTTP 400 with code 400', { fault: 'business_error', status: 400, code: 400, msg: 'amount is wrong' }, refused],
        ['401 in text', { fault: 'unauthorized_text' }, refused],
        ['401 in an envelope', { fault: 'unauthorized_envelope' }, refused],
        ['HTTP 404 in text', { fault: 'http_status', status: 404, body: 'nothing here' }, refused],
        ['an amount 100 times as large', { fault: 'wrong_amount', factor: '100' }, mismatch],
        ['an amount 100 times as small', { fault: 'wrong_amount', factor: '0.01' }, mismatch],
        ['another currency', { fault: 'wrong_currency', currency: 'EUR' }, mismatch],
    ];
    for (const [name, fault, { expect, status, isLate }] of cases)
        test(`${name}: ${expect[1]}`, async () => {
            const terms = stack.order();
            await stack.twin.fault({ operation: 'create', match: terms.merchantOrderId, ...fault });
            const answer = await (isLate ? hasty : stack.api).create(terms, { expect });
            assert.ok(!answer.text.includes('/pay/'), 'no page leaves');
            assert.equal((await callsOf(terms)).length, 1, 'a create is not repeated by itself');

            const [attempt] = await attemptsOf(terms);
            assert.equal(attempt.status, status);
            assert.equal(attempt.paymentStatus, 'unpaid');
            assert.equal(attempt.releasedAt, null);
            assert.equal(attempt.sessionId, null);
            assert.equal(attempt.refusal !== null, status === 'refused');

            const { json: next } = await stack.api.create(terms);
            assert.equal(next.attempt, 2);
            assert.deepEqual((await attemptsOf(terms)).map((each) => each.status), [status, 'open']);
            const kinds = (await stack.api.events(terms.merchantOrderId)).map(({ kind }) => kind);
            const ended = status === 'dark' ? 'attempt_dark' : 'attempt_refused';
            assert.deepEqual(
                kinds.filter((kind) => ['attempt_created', ended, 'session_released'].includes(kind)),
                ['attempt_created', ended, 'attempt_created', 'session_released'],
            );
        });

    test('a refusal shows what Clink said', async () => {
        const terms = stack.order();
        const said = { fault: 'business_error', status: 200, code: 4711, msg: 'originalCurrency is not supported' };
        await stack.twin.fault({ operation: 'create', match: terms.merchantOrderId, ...said });
        const { json } = await stack.api.create(terms, { expect: [502, 'clink_rejected'] });
        assert.deepEqual([json.clinkCode, json.clinkMessage], ['4711', said.msg]);
        const [attempt] = await attemptsOf(terms);
        assert.deepEqual(attempt.refusal, { code: '4711', message: said.msg });
    });

    // More than one reading is right: Clink said no, or it broke. What may not happen is a code without its state.
    const readings = ['502 clink_rejected refused', '504 clink_outcome_unknown dark'];
    for (const [name, fault, allowed] of [
        ['HTTP 200 with code 500', { fault: 'business_error', status: 200, code: 500, msg: 'internal' }, readings],
        [
            'HTTP 429',
            { fault: 'http_status', status: 429, body: '{"code":429,"msg":"slow down","data":null}' },
            [...readings, '503 clink_unavailable refused'],
        ],
    ])
        test(`${name}: refused or unknown, and consistently`, async () => {
            const terms = stack.order();
            await stack.twin.fault({ operation: 'create', match: terms.merchantOrderId, ...fault });
            const { status, json } = await stack.api.create(terms, { expect: undefined });
            const [attempt] = await attemptsOf(terms);
            const found = [status, json.code, attempt.status].join(' ');
            assert.ok(allowed.includes(found), found);
            assert.equal((await stack.api.create(terms)).json.attempt, 2);
        });

    const harmless = [
        ['amounts as text', { fault: 'amounts_as_strings' }],
        ['message instead of msg', { fault: 'message_instead_of_msg' }],
        ['odd spellings', { fault: 'odd_spelling' }],
        ['unknown fields', { fault: 'extra_fields' }],
        ['closed after the answer', { fault: 'close_after_answer' }],
        ['slow, but in time', { fault: 'delay', delay_ms: 300 }],
        ['slow in pieces, but in time', { fault: 'slow_body', bytes: 64, wait_ms: 5 }],
    ];
    for (const [name, fault] of harmless)
        test(`${name}: no harm`, async () => {
            const terms = stack.order();
            await stack.twin.fault({ operation: 'create', match: terms.merchantOrderId, ...fault });
            await stack.api.create(terms);
            await stack.api.create(stack.order());
        });
});

describe("Clink's word on the customer", () => {
    for (const style of ['http_200', 'http_4xx'])
        for (const [message, code] of [
            ['CUSTOMER_NOT_FOUND', 'customer_not_found'],
            ['CUSTOMER_IDENTIFIER_NOT_MATCHED', 'customer_identifier_not_matched'],
            ['Failed: CUSTOMER_NOT_FOUND (cus_x)', 'customer_not_found'],
        ])
            test(`${message} by ${style}`, async () => {
                const terms = stack.order();
                const status = style === 'http_200' ? 200 : 400;
                const fault = { fault: 'business_error', status, code: 40401, msg: message };
                await stack.twin.fault({ operation: 'create', match: terms.merchantOrderId, ...fault });
                await stack.api.create(terms, { expect: [422, code] });
                assert.equal((await attemptsOf(terms))[0].status, 'refused');
                assert.equal((await stack.api.create(terms)).json.attempt, 2);
            });

    test('as the truth table has it', async () => {
        const email = `ada-${Date.now()}@shop.example`;
        const first = await stack.api.create(stack.order({ customerEmail: email }));
        const { customerId } = first.json;
        assert.match(customerId, /^cus_/);
        assert.equal((await stack.api.create(stack.order({ customerEmail: undefined, customerId }))).json.customerId, customerId);
        await stack.api.create(stack.order({ customerEmail: email, referenceCustomerId: 'new-reference' }), {
            expect: [422, 'customer_identifier_not_matched'],
        });
        await stack.api.create(stack.order({ customerEmail: undefined, customerId: 'cus_unknown' }), {
            expect: [422, 'customer_not_found'],
        });
    });
});

describe('the intent', () => {
    test('is committed before Clink is called, and no transaction waits for Clink', async () => {
        const terms = stack.order();
        await stack.twin.fault({ operation: 'create', fault: 'delay', match: terms.merchantOrderId, delay_ms: 3_000 });
        const create = stack.api.create(terms);
        await stack.twin.called({ operation: 'create', reference: terms.merchantOrderId });
        const rows = await stack.database.query(
            `select status, clink_session_id, url from checkout.sessions join checkout.orders using (order_id)
             where merchant_order_id = $1`,
            [terms.merchantOrderId],
        );
        assert.deepEqual(rows, [{ status: 'creating', clink_session_id: null, url: null }]);
        // What does not wait for Clink may have one, for a moment.
        await eventually('no transaction is open', async () => (await stack.database.query(
            `select state, query from pg_stat_activity
             where usename = $1 and (state like 'idle in transaction%' or xact_start is not null)`,
            [stack.database.server.role],
        )).length === 0);
        assert.equal((await attemptsOf(terms))[0].status, 'creating');
        await create;
    });

    test('every call bears the key and a timestamp in milliseconds', async () => {
        const terms = stack.order();
        await stack.api.create(terms);
        const [call] = await callsOf(terms);
        const stamp = call.headers['x-timestamp'];
        assert.match(stamp, /^[0-9]{13}$/);
        assert.ok(Math.abs(Number(stamp) - Date.now()) < 60_000);
        assert.equal(call.headers['content-type'].split(';')[0], 'application/json');
    });
});

describe('connections to Clink', () => {
    test('are kept and used again', async () => {
        const calls = [];
        for (let i = 0; i < 5; i++) {
            const terms = stack.order();
            await stack.api.create(terms);
            calls.push(...(await callsOf(terms)));
        }
        // One of them may end between two calls, as when the machine stood still; not each.
        const connections = new Set(calls.map(({ connection }) => connection));
        assert.ok(connections.size < calls.length, `${connections.size} connections for ${calls.length} calls`);
    });

    test('that Clink closed while idle cost nobody a create', async () => {
        for (let i = 0; i < 5; i++) {
            await stack.api.create(stack.order());
            await stack.twin.closeIdle();
        }
    });
});

describe('Clink stopped', () => {
    test('creates say so, reads go on, and all is well afterwards', async () => {
        const terms = stack.order();
        const { json: session } = await stack.api.create(terms);
        await stack.twin.stop();

        const another = stack.order();
        const answer = await stack.api.create(another, { expect: [503, 'clink_unavailable'] });
        assert.match(answer.headers['retry-after'], /^[1-9][0-9]*$/);
        const [attempt] = await attemptsOf(another);
        assert.equal(attempt.status, 'refused');
        assert.equal(attempt.refusal.code, 'never_sent');

        assert.equal((await stack.api.order(terms.merchantOrderId)).json.state, 'unpaid');
        assert.equal((await stack.api.session(session.sessionId)).json.status, 'open');
        assert.equal((await stack.api.create(terms, { expect: 200 })).json.sessionId, session.sessionId);
        const { json: outcome } = await stack.api.refresh(session.sessionId);
        assert.equal(outcome.stale, true);
        assert.equal(outcome.mayRetryPayment, false);
        await stack.api.call('readyz', { expect: 200 });

        await stack.twin.start();
        assert.equal((await stack.api.create(another)).json.attempt, 2);
    });
});

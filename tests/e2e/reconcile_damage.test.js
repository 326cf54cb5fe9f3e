// The census finds what differs between Clink and the record, each thing by its name, and once.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { brokenPromises } from './support/audit.js';
import { damagedWorld, expectedCertificate, madeElsewhere, paidAt, restless, sold } from './support/census.js';
import { allOfIt, moment, reconcile, reconcileSettings, recordCounts, runCommand, timeless } from './support/command.js';
import { eventually } from './support/environment.js';
import { assertFound } from './support/findings.js';
import { Stack } from './support/stack.js';

const range = allOfIt();

let stack;
let cases;
before(async () => {
    stack = await Stack.start('reconcile-damage', { env: restless, webhooks: {} });
    cases = await damagedWorld(stack);
});
after(() => stack?.close());

describe('a census of a record that Clink does not agree with', () => {
    let certificate;

    test('says how much', async () => {
        certificate = await reconcile(stack, range, { code: 3 });
        const expected = expectedCertificate(cases);
        for (const name of ['unknown', 'missing', 'refunds']) assert.deepEqual(certificate[name], expected[name], name);
        assert.deepEqual(certificate.differing.map(({ currency, count }) => ({ currency, count })), expected.differing);
        assertPayments(certificate, expected);
        assert.deepEqual([certificate.notAnswered, certificate.orders], [0, cases.length]);
        const open = await stack.discrepancies('');
        assert.equal(certificate.openDiscrepancies, open.length);
    });

    test('has named everything', () => assertFound(stack, cases));

    test('has told the order\'s history who found it', async () => {
        for (const { merchantOrderId, evidence, name } of cases.filter((each) => each.evidence)) {
            const { json: order } = await stack.finance.order(merchantOrderId);
            for (const payment of order.payments) assert.equal(payment.evidence, evidence, name);
            for (const { paymentStatus, settledBy } of order.attempts) if (paymentStatus === 'paid') assert.equal(settledBy, evidence, name);
        }
    });

    test('says the same the next time, and adds nothing', async () => {
        const before = await recordCounts(stack.database);
        assert.deepEqual(timeless(await reconcile(stack, range, { code: 3 })), timeless(certificate));
        assert.deepEqual(await recordCounts(stack.database), before);
    });

    test('says the same of a Clink that refuses with an HTTP status', async () => {
        await stack.twin.settings({ error_style: 'http_4xx' });
        assert.deepEqual(timeless(await reconcile(stack, range, { code: 3 })), timeless(certificate));
        await stack.twin.settings({ error_style: 'http_200' });
    });

    test('has broken no promise', async () => assert.deepEqual(await brokenPromises(stack.database), []));

    test('names the damage in the certificate for people', async () => {
        const { code, stdout } = await runCommand(['reconcile', ...range], reconcileSettings(stack));
        assert.equal(code, 3);
        for (const name of ['matched', 'duplicates', 'unknown', 'missing'])
            for (const { amount } of certificate[name]) assert.ok(stdout.includes(amount), `${name} ${amount}\n${stdout}`);
        assert.ok(stdout.includes(String(certificate.openDiscrepancies)), stdout);
    });
});

/** Payments that both know are matched or duplicates: of an order that was paid twice, one or both are the duplicates. */
function assertPayments({ matched, duplicates }, expected) {
    const sum = (lists) => {
        const found = {};
        for (const { currency, count, amount } of lists.flat()) {
            found[currency] ??= { count: 0, amount: 0 };
            found[currency].count += count;
            found[currency].amount += Number(amount);
        }
        for (const each of Object.values(found)) each.amount = each.amount.toFixed(4);
        return found;
    };
    assert.deepEqual(sum([matched, duplicates]), sum([expected.matched, expected.doubled]));
    assert.deepEqual(duplicates.map(({ currency }) => currency), expected.doubled.map(({ currency }) => currency));
    const [{ count: most }] = expected.doubled;
    assert.ok(duplicates[0].count >= most - 1 && duplicates[0].count <= most, JSON.stringify(duplicates));
}

describe('a payment under a reference that is not ours', () => {
    const orphans = (orderId, state) => stack.discrepancies(orderId, { kind: 'orphan_event', state });
    let foreign;
    let nameless;
    let old;
    before(async () => {
        const { twin } = stack;
        foreign = await paidAt(twin, await madeElsewhere(twin, 'not-ours', 12.5, 'EUR'));
        nameless = await paidAt(twin, await madeElsewhere(twin, undefined, 7, 'EUR'));
        old = await paidAt(twin, await madeElsewhere(twin, 'not-ours-either', 3, 'EUR'));
        await twin.control('POST', `orders/${old}/override`, { createTime: Date.UTC(2020, 0, 1), paymentTime: Date.UTC(2020, 0, 1) });
        await twin.act(await madeElsewhere(twin, 'not-ours-unpaid'), 'fail');
    });

    test('is not looked for', async () => {
        const { unknown } = await reconcile(stack, range, { code: 3 });
        assert.deepEqual(unknown, expectedCertificate(cases).unknown);
        for (const each of [foreign, nameless]) assert.deepEqual(await orphans(each), []);
    });

    test('is found in the list of everything', async () => {
        const { unknown, all } = await reconcile(stack, ['--all', ...range], { code: 3 });
        assert.equal(all, true);
        assert.deepEqual(unknown, [{ currency: 'EUR', count: 2, amount: '19.50' }, ...expectedCertificate(cases).unknown]);
        for (const each of [foreign, nameless]) {
            const [{ merchantOrderId }, ...more] = await orphans(each);
            assert.deepEqual([merchantOrderId, more], [null, []]);
        }
        assert.deepEqual(await orphans(old), [], 'what is outside of the range is none of its business');
        assert.deepEqual(await stack.discrepancies('not-ours-unpaid'), []);
        await assertFound(stack, cases);
    });

    test('is found again without anything being added', async () => {
        const before = await recordCounts(stack.database);
        const { unknown } = await reconcile(stack, ['--all', ...range], { code: 3 });
        assert.equal(unknown[0].count, 2);
        assert.deepEqual(await recordCounts(stack.database), before);
    });
});

describe('the list of everything, while it is walked', () => {
    let from;
    let behind;
    before(async () => {
        const { twin } = stack;
        from = await moment();
        behind = await paidAt(twin, await madeElsewhere(twin, 'behind', 1, 'GBP'));
        const failing = await madeElsewhere(twin, 'filler');
        for (let i = 0; i < 50; i++) await twin.act(failing, 'fail');
    });

    /** Walks it and has `change` happen between the first page and the second. */
    async function walk(change) {
        const { twin } = stack;
        const calls = async () => (await twin.calls({ operation: 'list_orders' })).filter(({ target }) => /pageNum=2(&|$)/.test(target)).length;
        const before = await calls();
        await twin.fault({ operation: 'list_orders', match: 'pageNum=2', fault: 'delay', delay_ms: 1500, after_work: false });
        const run = reconcile(stack, ['--all', '--from', from, '--to', range[3]], { code: 3 });
        await eventually('the second page is asked for', async () => (await calls()) > before, 30);
        await change();
        const certificate = await run;
        await twin.clearFaults();
        return certificate;
    }

    test('may grow at its head: nothing is counted twice', async () => {
        const { twin } = stack;
        const { unknown } = await walk(async () => {
            for (let i = 0; i < 10; i++) await twin.pay(await madeElsewhere(twin, `during-${i}`, 1, 'CAD'));
        });
        assert.deepEqual(unknown.find(({ currency }) => currency === 'GBP'), { currency: 'GBP', count: 1, amount: '1.00' });
        assert.equal((await stack.discrepancies(behind, { kind: 'orphan_event' })).length, 1);
    });

    test('may move up: nothing is missed', async () => {
        const { twin } = stack;
        // A row of the first page goes away, so that the first row of the second is on the first by now.
        const late = await paidAt(twin, await madeElsewhere(twin, 'late', 2, 'GBP'));
        const failing = await madeElsewhere(twin, 'more-filler');
        for (let i = 0; i < 50; i++) await twin.act(failing, 'fail');
        const { unknown } = await walk(async () => {
            const [{ orderId }] = await twin.orders('more-filler');
            await twin.control('POST', `orders/${orderId}/forget`);
        });
        assert.deepEqual(unknown.find(({ currency }) => currency === 'GBP'), { currency: 'GBP', count: 2, amount: '3.00' });
        assert.equal((await stack.discrepancies(late, { kind: 'orphan_event' })).length, 1);
    });
});

describe('what an operator resolved', () => {
    test('stays so until the facts are others, and is over when they are as they should be', async () => {
        const { twin } = stack;
        const from = await moment();
        const { merchantOrderId, sessionId, clinkOrderId } = await sold(stack);
        const part = ['--from', from, '--to', await moment()];
        const operator = stack.api.as(stack.service.tokens.operator);
        const say = async (amountTotal) => {
            await twin.act(sessionId, 'override', { amountTotal });
            await twin.control('POST', `orders/${clinkOrderId}/override`, { amountTotal });
        };
        const found = (state) => stack.discrepancies(merchantOrderId, { kind: 'amount_mismatch', state });

        await say(39.9);
        assert.equal((await reconcile(stack, part, { code: 3 })).openDiscrepancies, 1);
        const [{ id }] = await found('open');
        const body = { resolution: 'a gift' };
        await operator.call('resolveDiscrepancy', { params: { id }, body, expect: 200 });
        const { differing, openDiscrepancies } = await reconcile(stack, part, { code: 0 });
        assert.deepEqual([differing.length, openDiscrepancies], [1, 0]);
        assert.equal((await found('resolved'))[0].resolution, 'a gift');

        await say(29.9);
        await reconcile(stack, part, { code: 3 });
        assert.equal((await found('open'))[0].id, id);

        await say(49.9);
        assert.deepEqual((await reconcile(stack, part, { code: 0 })).differing, []);
        assert.equal((await found('resolved'))[0].resolvedBy, 'service');
    });
});

describe('a session that Clink denied once', () => {
    test('is missing until Clink has it again', async () => {
        const from = await moment();
        const { sessionId } = await sold(stack);
        const part = ['--from', from, '--to', await moment()];
        const denial = { fault: 'business_error', code: 404, msg: 'SESSION_NOT_FOUND' };
        await stack.twin.fault({ operation: 'get_session', match: sessionId, ...denial });
        const { missingSessions } = await reconcile(stack, part, { code: 3 });
        assert.equal(missingSessions, 1);
        assert.equal((await stack.discrepancies(sessionId, { kind: 'missing_at_clink' })).length, 1);
        await reconcile(stack, part, { code: 0 });
        assert.deepEqual(await stack.discrepancies(sessionId), []);
    });
});

describe('a refund on record that Clink had not ended', () => {
    test('is asked about', async () => {
        await stack.webhooks();
        const from = await moment();
        const { merchantOrderId, sessionId } = await sold(stack);
        const part = ['--from', from, '--to', await moment()];
        await stack.twin.act(sessionId, 'refund', { outcome: 'pending' });
        const { refundId } = await eventually('the refund is known', async () => {
            const { json } = await stack.finance.order(merchantOrderId);
            return json.refunds[0];
        }, 30);
        await stack.webhooks({ drop: ['*'] });
        await stack.twin.control('POST', `refunds/${refundId}/settle`);
        const { refunds } = await reconcile(stack, part, { code: 0 });
        assert.deepEqual(refunds, []);
        const { json: order } = await stack.finance.order(merchantOrderId);
        assert.deepEqual([order.state, order.refunds[0].status, order.openDiscrepancies], ['refunded', 'success', []]);
    });
});

describe('another original currency', () => {
    test('is a currency mismatch', async () => {
        const from = await moment();
        const { merchantOrderId, sessionId, clinkOrderId } = await sold(stack);
        const part = ['--from', from, '--to', await moment()];
        await stack.twin.act(sessionId, 'override', { originalCurrency: 'EUR' });
        await stack.twin.control('POST', `orders/${clinkOrderId}/override`, { originalCurrency: 'EUR' });
        const { matched } = await reconcile(stack, part, { code: 3 });
        assert.deepEqual(matched, []);
        const { json: order } = await stack.finance.order(merchantOrderId);
        assert.deepEqual(order.openDiscrepancies.map(({ kind }) => kind), ['currency_mismatch']);
    });
});

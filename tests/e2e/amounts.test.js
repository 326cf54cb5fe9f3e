// Money crosses as text: what the caller wrote, what arrives at Clink byte for byte, and what is answered.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { pointers } from './support/client.js';
import { Stack } from './support/stack.js';

let stack;
before(async () => (stack = await Stack.start('amounts')));
after(() => stack?.close());

/** A request whose amounts are the given JSON tokens, untouched by this language's numbers. */
function rawOrder(amount, currency, { unitAmount = amount, quantity = '1' } = {}) {
    const { originalAmount, originalCurrency, priceDataList, ...rest } = stack.order();
    const item = `{"name":"Mug","quantity":${quantity},"unitAmount":${unitAmount}}`;
    const body = JSON.stringify(rest).slice(0, -1);
    const text = `${body},"originalAmount":${amount},"originalCurrency":"${currency}","priceDataList":[${item}]}`;
    return { merchantOrderId: rest.merchantOrderId, text };
}

/** The token after a member's name in the bytes that the twin received, quotes taken off. */
function sentToken(body, member) {
    const found = new RegExp(`"${member}"\\s*:\\s*("?)([^",}\\]\\s]+)\\1`).exec(body);
    assert.ok(found, `${member} in ${body}`);
    return found[2];
}

const withoutTrailingZeros = (text) => (text.includes('.') ? text.replace(/\.?0+$/, '') : text);

describe('accepted amounts', () => {
    const cases = [
        // request token, currency, answer
        ['"49.90"', 'USD', '49.90'],
        ['49.90', 'USD', '49.90'],
        ['49.9', 'USD', '49.90'],
        ['"49.9"', 'USD', '49.90'],
        ['0.01', 'USD', '0.01'],
        ['0.07', 'EUR', '0.07'],
        ['4.35', 'GBP', '4.35'],
        ['1.10', 'EUR', '1.10'],
        ['500', 'JPY', '500'],
        ['"500"', 'JPY', '500'],
        ['100', 'KRW', '100'],
        ['1.250', 'KWD', '1.250'],
        ['"1.25"', 'KWD', '1.250'],
        ['0.001', 'KWD', '0.001'],
        ['70368744177664.73', 'USD', '70368744177664.73'],
        ['999999999999999.99', 'USD', '999999999999999.99'],
        ['"999999999999999.99"', 'USD', '999999999999999.99'],
        ['999999999999999.999', 'KWD', '999999999999999.999'],
        ['999999999999999', 'JPY', '999999999999999'],
    ];
    for (const [token, currency, answer] of cases)
        test(`${token} ${currency} is ${answer}`, async () => {
            const { merchantOrderId, text } = rawOrder(token, currency);
            const { json } = await stack.api.create(text);
            assert.equal(json.originalAmount, answer);
            assert.equal(json.originalCurrency, currency);

            const [call] = await stack.twin.calls({ operation: 'create', reference: merchantOrderId });
            for (const member of ['originalAmount', 'unitAmount']) {
                const sent = sentToken(call.body, member);
                assert.match(sent, /^[0-9]+(\.[0-9]+)?$/, 'a plain decimal');
                assert.ok([answer, withoutTrailingZeros(answer)].includes(sent), `${member} went out as ${sent}`);
            }
            assert.equal(sentToken(call.body, 'originalCurrency'), currency);

            const { json: order } = await stack.api.order(merchantOrderId);
            assert.equal(order.originalAmount, answer);
            assert.equal(order.terms.priceDataList[0].unitAmount, answer);
        });

    test('quantities multiply exactly', async () => {
        await stack.api.create(rawOrder('0.30', 'USD', { unitAmount: '0.1', quantity: '3' }).text);
        await stack.api.create(rawOrder('3.30', 'USD', { unitAmount: '"1.10"', quantity: '3' }).text);
        await stack.api.create(rawOrder('2147483647.00', 'USD', { unitAmount: '1', quantity: '2147483647' }).text);
    });
});

describe('refused amounts', () => {
    const cases = [
        ['49.905', 'USD', 'a digit too many'],
        ['"0.001"', 'USD', 'a digit too many, as text'],
        ['500.5', 'JPY', 'a fraction of a yen'],
        ['1.2505', 'KWD', 'a fourth digit'],
        ['4.99E1', 'USD', 'an exponent'],
        ['"4.99E1"', 'USD', 'an exponent, as text'],
        ['1e2', 'JPY', 'a small exponent'],
        ['1234567890123456', 'JPY', '16 integer digits'],
        ['"1234567890123456.00"', 'USD', '16 integer digits, as text'],
        ['1000000000000000', 'USD', '10^15'],
        ['0', 'USD', 'nothing'],
        ['"0.00"', 'USD', 'nothing, as text'],
        ['-1', 'USD', 'less than nothing'],
        ['"-1.00"', 'USD', 'less than nothing, as text'],
        ['"+1.00"', 'USD', 'a plus sign'],
        ['".50"', 'USD', 'no integer digit'],
        ['"1."', 'USD', 'no fraction digit'],
        ['"1,00"', 'USD', 'a comma'],
        ['" 1.00"', 'USD', 'white space'],
        ['"1 000.00"', 'USD', 'a space between'],
        ['"0x10"', 'USD', 'hexadecimal'],
        ['"NaN"', 'USD', 'not a number'],
        ['"Infinity"', 'USD', 'infinity'],
        ['"\u0661.00"', 'USD', "another script's digit"],
        ['""', 'USD', 'empty'],
        ['true', 'USD', 'a truth value'],
        ['null', 'USD', 'null'],
        ['[1]', 'USD', 'an array'],
        ['{"value":1}', 'USD', 'an object'],
    ];
    for (const [token, currency, why] of cases)
        test(`${token} ${currency}: ${why}`, async () => {
            const { merchantOrderId, text } = rawOrder(token, currency, { unitAmount: '1' });
            const answer = await stack.api.create(text, { expect: [422, 'validation_failed'] });
            assert.ok(pointers(answer).includes('/originalAmount'), answer.text);

            const item = rawOrder('1', currency, { unitAmount: token });
            const second = await stack.api.create(item.text, { expect: [422, 'validation_failed'] });
            assert.ok(pointers(second).includes('/priceDataList/0/unitAmount'), second.text);

            assert.deepEqual(await stack.twin.calls({ operation: 'create', reference: merchantOrderId }), []);
            await stack.api.order(merchantOrderId, { expect: [404, 'order_not_found'] });
        });

    test('items that do not add up', async () => {
        for (const [amount, unitAmount, quantity] of [
            ['49.90', '49.91', '1'],
            ['0.30', '0.1', '2'],
            ['999999999999999.99', '999999999999999.99', '2'],
            ['1.00', '999999999999999.99', '2147483647'],
        ]) {
            const { text } = rawOrder(amount, 'USD', { unitAmount, quantity });
            await stack.api.create(text, { expect: [422, 'validation_failed'] });
        }
    });

    for (const currency of ['ABC', 'usd', 'Usd', 'US', 'USDD', '', 'U$D'])
        test(`currency "${currency}"`, async () => {
            const answer = await stack.api.create(rawOrder('1', currency).text, { expect: [422, 'validation_failed'] });
            assert.ok(pointers(answer).includes('/originalCurrency'), answer.text);
        });
});

describe('what was paid', () => {
    /** Creates an order, pays it at the twin and refreshes; gives the outcome and the order. */
    async function paid(changes, choice) {
        const terms = stack.order(changes);
        const { json: session } = await stack.api.create(terms);
        await stack.twin.pay(session.sessionId, choice);
        const { json: outcome } = await stack.api.refresh(session.sessionId);
        const { json: order } = await stack.api.order(terms.merchantOrderId);
        return { outcome, order, payment: order.payments[0] };
    }

    for (const [amount, currency] of [['49.90', 'USD'], ['500', 'JPY'], ['1.250', 'KWD'], ['999999999999999.99', 'USD']])
        test(`${amount} ${currency} comes back as it went`, async () => {
            const { outcome, order, payment } = await paid({ originalAmount: amount, originalCurrency: currency });
            assert.equal(outcome.amountTotal, amount);
            assert.equal(outcome.paymentCurrency, currency);
            assert.equal(outcome.amountVerdict, 'exact');
            assert.equal(outcome.paid, true);
            assert.equal(order.state, 'paid');
            assert.equal(payment.amountTotal, amount);
            assert.equal(payment.originalAmount, amount);
        });

    test('in another currency it is converted', async () => {
        const { outcome, order, payment } = await paid(
            { originalAmount: '9.99' },
            { paymentCurrency: 'BRL', amountTotal: '53.26' },
        );
        assert.equal(outcome.amountVerdict, 'converted');
        assert.equal(outcome.paid, true);
        assert.deepEqual([payment.amountTotal, payment.paymentCurrency], ['53.26', 'BRL']);
        assert.deepEqual([payment.originalAmount, payment.originalCurrency], ['9.99', 'USD']);
        assert.equal(order.state, 'paid');
    });

    test('a promotion that was allowed is discounted', async () => {
        const { outcome, order } = await paid({ allowPromotionCodes: true }, { discount: '5.00' });
        assert.equal(outcome.amountVerdict, 'discounted');
        assert.equal(outcome.amountTotal, '44.90');
        assert.equal(outcome.paid, true);
        assert.equal(order.state, 'paid');
    });

    test('a fee on top is surcharged', async () => {
        const { outcome, order } = await paid({}, { surcharge: '1.25' });
        assert.equal(outcome.amountVerdict, 'surcharged');
        assert.equal(outcome.amountTotal, '51.15');
        assert.equal(order.state, 'paid');
    });

    test('less than was asked for is short, and the order underpaid', async () => {
        const { outcome, order } = await paid({}, { amountTotal: '4.99' });
        assert.equal(outcome.amountVerdict, 'short');
        assert.equal(outcome.paid, false);
        assert.equal(outcome.mayRetryPayment, false);
        assert.equal(order.state, 'underpaid');
        assert.equal(order.paid, false);
        assert.deepEqual(order.openDiscrepancies.map(({ kind }) => kind), ['amount_mismatch']);
    });

    test("Clink's digits are shown, all of them", async () => {
        const { payment } = await paid({}, { paymentCurrency: 'BRL', amountTotal: '53.2612345' });
        assert.equal(payment.amountTotal, '53.2612345');
    });
});

// What is refused, by name and all at once, and what is not.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { pointers } from './support/client.js';
import { Stack } from './support/stack.js';

let stack;
before(async () => (stack = await Stack.start('validation')));
after(() => stack?.close());

const invalid = [422, 'validation_failed'];
const long = (length) => 'x'.repeat(length);
/** An object of `count` keys of 40 characters. */
const keyed = (count, value) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [long(38) + String(i).padStart(2, '0'), value]));

async function refused(body, expect = invalid) {
    return stack.api.create(body, { expect });
}

test('every wrong field is named at once, and nothing happens', async () => {
    const before = await stack.twin.callCount();
    const terms = stack.order({
        originalAmount: '-1',
        originalCurrency: 'usd',
        customerEmail: 7,
        uiMode: 'popup',
        successUrl: 'ftp://shop.example/',
        cancelUrl: '/cart',
        paymentMethodType: 'barter',
        allowPromotionCodes: 'yes',
        metadata: { count: 3 },
        supersede: 1,
        colour: 'red',
        'a/b~c': 1,
    });
    const answer = await refused(terms);
    assert.deepEqual(
        pointers(answer).filter((pointer) => !pointer.startsWith('/priceDataList')),
        [
            '/allowPromotionCodes', '/a~1b~0c', '/cancelUrl', '/colour', '/customerEmail', '/metadata/count', '/originalAmount',
            '/originalCurrency', '/paymentMethodType', '/successUrl', '/supersede', '/uiMode',
        ].sort(),
    );
    for (const { message } of answer.json.errors) assert.match(message, /\S/);
    assert.equal(await stack.twin.callCount(), before);
    await stack.api.order(terms.merchantOrderId, { expect: [404, 'order_not_found'] });
});

test('an empty object lacks each required field', async () => {
    const found = pointers(await refused({}));
    for (const pointer of ['/merchantOrderId', '/originalAmount', '/originalCurrency']) assert.ok(found.includes(pointer));
    assert.ok(found.length >= 5, `also a customer and a price: ${found}`);
});

for (const body of ['[]', '"text"', '7', 'null', 'true'])
    test(`a body that is ${body} is no object`, async () => {
        assert.deepEqual(pointers(await refused(body)), ['']);
    });

describe('a wrong field', () => {
    const item = { name: 'Mug', unitAmount: '49.90' };
    const cases = [
        ['merchantOrderId: empty', { merchantOrderId: '' }, '/merchantOrderId'],
        ['merchantOrderId: 129 bytes', { merchantOrderId: long(129) }, '/merchantOrderId'],
        ['merchantOrderId: 129 bytes in 43 characters', { merchantOrderId: '注'.repeat(43) }, '/merchantOrderId'],
        ['merchantOrderId: leading space', { merchantOrderId: ' a' }, '/merchantOrderId'],
        ['merchantOrderId: trailing no-break space', { merchantOrderId: 'a\u00a0' }, '/merchantOrderId'],
        ['merchantOrderId: newline', { merchantOrderId: 'a\nb' }, '/merchantOrderId'],
        ['merchantOrderId: NUL', { merchantOrderId: 'a\u0000b' }, '/merchantOrderId'],
        ['merchantOrderId: DEL', { merchantOrderId: 'a\u007fb' }, '/merchantOrderId'],
        ['merchantOrderId: C1 control', { merchantOrderId: 'a\u0085b' }, '/merchantOrderId'],
        ['merchantOrderId: "null"', { merchantOrderId: 'null' }, '/merchantOrderId'],
        ['merchantOrderId: "."', { merchantOrderId: '.' }, '/merchantOrderId'],
        ['merchantOrderId: ".."', { merchantOrderId: '..' }, '/merchantOrderId'],
        ['merchantOrderId: a number', { merchantOrderId: 17 }, '/merchantOrderId'],
        ['merchantOrderId: null', { merchantOrderId: null }, '/merchantOrderId'],
        ['customerId: empty', { customerId: '' }, '/customerId'],
        ['customerEmail: empty', { customerEmail: '' }, '/customerEmail'],
        ['referenceCustomerId: empty', { referenceCustomerId: '' }, '/referenceCustomerId'],
        ['priceDataList: empty', { priceDataList: [] }, '/priceDataList'],
        ['priceDataList: an object', { priceDataList: item }, '/priceDataList'],
        ['item: a text', { priceDataList: ['Mug'] }, '/priceDataList/0'],
        ['item: no name', { priceDataList: [{ unitAmount: '49.90' }] }, '/priceDataList/0/name'],
        ['item: empty name', { priceDataList: [{ ...item, name: '' }] }, '/priceDataList/0/name'],
        ['item: no unitAmount', { priceDataList: [{ name: 'Mug' }] }, '/priceDataList/0/unitAmount'],
        ['item: quantity 0', { priceDataList: [{ ...item, quantity: 0 }] }, '/priceDataList/0/quantity'],
        ['item: quantity 1.5', { priceDataList: [{ ...item, quantity: 1.5 }] }, '/priceDataList/0/quantity'],
        ['item: quantity "1"', { priceDataList: [{ ...item, quantity: '1' }] }, '/priceDataList/0/quantity'],
        ['item: quantity 2^31', { priceDataList: [{ ...item, quantity: 2 ** 31 }] }, '/priceDataList/0/quantity'],
        ['item: another currency', { priceDataList: [{ ...item, currency: 'EUR' }] }, '/priceDataList/0/currency'],
        ['item: an image that is no URL', { priceDataList: [{ ...item, imageUrl: 'mug.png' }] }, '/priceDataList/0/imageUrl'],
        ['item: an unknown field', { priceDataList: [{ ...item, colour: 'red' }] }, '/priceDataList/0/colour'],
        ['productId without priceId', { priceDataList: undefined, productId: 'prd_1' }, '/priceId'],
        ['priceId without productId', { priceDataList: undefined, productId: undefined, priceId: 'price_1' }, '/productId'],
        ['elements without returnUrl', { uiMode: 'elements' }, '/returnUrl'],
        ['returnUrl: no URL', { uiMode: 'elements', returnUrl: 'thanks' }, '/returnUrl'],
        ['returnUrl: a script', { uiMode: 'elements', returnUrl: 'javascript:alert(1)' }, '/returnUrl'],
        ['returnUrl: user information', { uiMode: 'elements', returnUrl: 'https://a:b@shop.example/' }, '/returnUrl'],
        ['black list: no method', { paymentMethodTypeBlackList: ['CARD', 'barter'] }, '/paymentMethodTypeBlackList/1'],
        ['black list: a text', { paymentMethodTypeBlackList: 'CARD' }, '/paymentMethodTypeBlackList'],
        ['QR code: no method', { directPaymentQrCodePaymentMethodType: 'cashapp' }, '/directPaymentQrCodePaymentMethodType'],
        ['a method in lower case', { paymentMethodType: 'card' }, '/paymentMethodType'],
        ['a hidden code without a code', { showPromotionCode: false }, '/promotionCode'],
        ['metadata: the reserved key', { metadata: { checkoutAttemptId: 'x' } }, '/metadata/checkoutAttemptId'],
        ['metadata: a key of 41 characters', { metadata: { [long(41)]: 'x' } }, `/metadata/${long(41)}`],
        ['metadata: a value of 501 characters', { metadata: { note: long(501) } }, '/metadata/note'],
        ['metadata: a value that is no text', { metadata: { note: true } }, '/metadata/note'],
        ['metadata: 20 keys beside ours', { metadata: keyed(20, '') }, '/metadata'],
        ['metadata: a text', { metadata: 'x' }, '/metadata'],
        ['supersede: a text', { supersede: 'true' }, '/supersede'],
        ['extra: a text', { extra: 'x' }, '/extra'],
        ['extra: over 16 KiB', { extra: { note: long(16 * 1024) } }, '/extra'],
    ];
    for (const [name, changes, pointer] of cases)
        test(name, async () => {
            assert.deepEqual(pointers(await refused(stack.order(changes))), [pointer]);
        });

    test('both ways of pricing', async () => {
        await refused(stack.order({ priceDataList: [item], productId: 'prd_1', priceId: 'price_1' }));
    });
    test('no way of pricing', async () => {
        await refused(stack.order({ priceDataList: undefined }));
    });
    test('no customer', async () => {
        await refused(stack.order({ customerEmail: undefined }));
    });
});

describe('a URL', () => {
    const wrong = [
        '', 'shop.example/thanks', '//shop.example/', '/thanks', 'ftp://shop.example/', 'javascript:alert(1)', 'data:text/html,x',
        'https://', 'https:///thanks', 'http://?x', 'https://user@shop.example/', 'https://user:secret@shop.example/',
        'https://shop.example/a b', 'https://shop.example/\n', 'https://shop.example:99999/', 'https://exa mple/',
        'https://shop.example\\@evil.example/', `https://shop.example/${long(2048)}`,
    ];
    for (const url of wrong)
        test(`refused: ${JSON.stringify(url).slice(0, 60)}`, async () => {
            for (const field of ['successUrl', 'cancelUrl'])
                assert.deepEqual(pointers(await refused(stack.order({ [field]: url }))), [`/${field}`]);
        });

    const right = [
        'https://shop.example', 'http://shop.example:8443/a/b?c=d&e=%20#f', 'https://[2001:db8::1]/x', 'https://192.0.2.7/',
        'HTTPS://SHOP.EXAMPLE/', 'https://xn--bcher-kva.example/', `https://shop.example/${long(2048 - 21)}`,
    ];
    for (const url of right)
        test(`accepted: ${url.slice(0, 60)}`, async () => {
            const terms = stack.order({ successUrl: url, cancelUrl: url });
            await stack.api.create(terms);
            const { json: order } = await stack.api.order(terms.merchantOrderId);
            assert.equal(order.terms.successUrl, url);
            assert.equal(order.terms.cancelUrl, url);
        });
});

describe('REDIRECT_ALLOWED_HOSTS', () => {
    let client;
    before(async () => {
        const service = await stack.serve('validation-hosts', { env: { REDIRECT_ALLOWED_HOSTS: 'shop.example,www.shop.example' } });
        client = stack.clientOf(service);
    });

    for (const url of ['https://shop.example/thanks', 'http://www.shop.example:8080/', 'https://SHOP.example/'])
        test(`lets ${url} pass`, async () => {
            await client.create(stack.order({ successUrl: url, cancelUrl: url }));
        });
    for (const url of [
        'https://evil.example/', 'https://shop.example.evil.example/', 'https://evil.example/shop.example', 'https://xshop.example/',
        'https://evil.example?shop.example', 'https://evil.example#shop.example', 'https://sub.shop.example/',
    ])
        test(`refuses ${url}`, async () => {
            const terms = stack.order({ uiMode: 'elements', successUrl: url, cancelUrl: url, returnUrl: url });
            const answer = await client.create(terms, { expect: invalid });
            assert.deepEqual(pointers(answer), ['/cancelUrl', '/returnUrl', '/successUrl']);
        });
});

describe('what is accepted reaches Clink', () => {
    async function sent(changes) {
        const terms = stack.order(changes);
        await stack.api.create(terms);
        const [call] = await stack.twin.calls({ operation: 'create', reference: terms.merchantOrderId });
        return { raw: call.body, json: JSON.parse(call.body) };
    }

    const cases = [
        ['merchantOrderId of 128 bytes', { merchantOrderId: long(128) }],
        ['merchantOrderId of 126 bytes in 42 characters', { merchantOrderId: '注'.repeat(42) }],
        ['merchantOrderId "NULL"', { merchantOrderId: 'NULL' }],
        ['referenceCustomerId', { customerEmail: undefined, referenceCustomerId: 'user-17' }],
        ['a dashboard price', { productId: 'prd_77', priceId: 'price_12' }],
        ['paymentMethodType', { paymentMethodType: 'CASHAPP', directPaymentQrCodePaymentMethodType: 'CASHAPP' }],
        ['paymentMethodTypeBlackList', { paymentMethodTypeBlackList: ['KAKAO', 'WECHAT'] }],
        ['promotion codes', { allowPromotionCodes: true, promotionCode: 'WELCOME10', showPromotionCode: false }],
        ['localPriceOnly', { localPriceOnly: true }],
        ['metadata at its limits', { metadata: keyed(19, long(500)) }],
        [
            'an item with everything',
            {
                priceDataList: [
                    { name: '"Mug" \\ ☕', unitAmount: '24.95', quantity: 2, currency: 'USD', imageUrl: 'https://shop.example/mug.png' },
                ],
            },
        ],
    ];
    for (const [name, changes] of cases)
        test(name, async () => {
            const { json } = await sent(changes);
            for (const [field, value] of Object.entries(changes)) {
                if (value === undefined || field === 'merchantOrderId' || field === 'priceDataList') continue;
                if (field === 'metadata') {
                    const { checkoutAttemptId, ...rest } = json.metadata;
                    assert.deepEqual(rest, value);
                } else assert.deepEqual(json[field], value, field);
            }
            assert.equal(json.priceDataList?.[0].name, changes.priceDataList?.[0].name ?? json.priceDataList?.[0].name);
        });

    test('returnUrl, byte for byte', async () => {
        const returnUrl = 'https://shop.example/return?session_id={ELEMENTS_SESSION_ID}&x=%7Ba%7D';
        const { raw } = await sent({ uiMode: 'elements', returnUrl });
        assert.ok(raw.includes(`"${returnUrl}"`), raw);
    });

    test('extra, with its numbers as they were written', async () => {
        const { originalAmount, ...terms } = stack.order();
        const extra = '{"futureField":{"rate":1.10,"big":12345678901234567890,"tiny":1e-7},"list":[1.0,true,null,"é"]}';
        const text = `${JSON.stringify(terms).slice(0, -1)},"originalAmount":49.90,"extra":${extra}}`;
        await stack.api.create(text);
        const [call] = await stack.twin.calls({ operation: 'create', reference: terms.merchantOrderId });
        for (const token of ['1.10', '12345678901234567890', '1e-7', '1.0'])
            assert.match(call.body, new RegExp(`[:\\[,]\\s*${token.replace('.', '\\.')}\\s*[,}\\]]`), call.body);
        assert.deepEqual(JSON.parse(call.body).list, [1, true, null, 'é']);
    });

    for (const key of [
        'merchantReferenceId', 'MERCHANTREFERENCEID', 'merchantreferenceid', 'merchantOrderId', 'originalAmount', 'ORIGINALCURRENCY',
        'successUrl', 'CancelUrl', 'returnurl', 'metadata', 'supersede', 'Extra', 'priceDataList', 'customerId', 'uiMode',
    ])
        test(`extra cannot hold ${key}`, async () => {
            assert.deepEqual(pointers(await refused(stack.order({ extra: { [key]: 'x' } }))), [`/extra/${key}`]);
        });

    test('extra is at most 5 deep', async () => {
        const deep = (levels) => (levels === 1 ? { a: 1 } : { a: deep(levels - 1) });
        await stack.api.create(stack.order({ extra: deep(5) }));
        const [pointer] = pointers(await refused(stack.order({ extra: deep(6) })));
        assert.ok(pointer.startsWith('/extra'), pointer);
    });
});

describe('a body that does not parse', () => {
    const nested = (depth) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
    const cases = [
        ['nothing', ''],
        ['white space', '  \n'],
        ['an open brace', '{'],
        ['a trailing comma', '{"a":1,}'],
        ['single quotes', "{'a':1}"],
        ['a comment', '{/* */}'],
        ['two values', '{} {}'],
        ['NaN', '{"a":NaN}'],
        ['a leading zero', '{"originalAmount":049.90}'],
        ['a plus sign', '{"originalAmount":+1}'],
        ['a naked fraction', '{"originalAmount":.5}'],
        ['a raw control character', '{"a":"\u0001"}'],
        ['a lone surrogate', '{"a":"\\ud800"}'],
        ['a key twice', '{"merchantOrderId":"a","merchantOrderId":"b"}'],
        ['a key twice, once escaped', '{"a":1,"\\u0061":2}'],
        ['a key twice further in', '{"metadata":{"a":"1","a":"2"}}'],
        ['33 levels', `{"extra":${nested(32)}}`],
        ['a thousand levels', nested(1000)],
        ['no UTF-8', Buffer.from([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff, 0x22, 0x7d])],
        ['overlong UTF-8', Buffer.from([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xc0, 0xaf, 0x22, 0x7d])],
    ];
    for (const [name, body] of cases)
        test(name, async () => {
            const answer = await stack.api.raw({
                method: 'POST',
                path: '/v1/checkout-sessions',
                headers: { 'content-type': 'application/json' },
                body,
                expect: [400, 'malformed_json'],
            });
            stack.contract.checkAnswer('createCheckoutSession', answer);
        });

    test('32 levels do parse', async () => {
        const { json } = await refused(`{"extra":${nested(31)}}`);
        assert.equal(json.code, 'validation_failed');
    });
});

// HTTP itself: what a proxy, a careless client and a hostile one send.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { checkProblem, parsed } from './support/client.js';
import { eventually } from './support/environment.js';
import { exchange, RawConnection } from './support/http.js';
import { Stack } from './support/stack.js';

let stack;
let order;
let bearer;
before(async () => {
    stack = await Stack.start('http');
    order = stack.order();
    bearer = `Bearer ${stack.service.tokens.storefront}`;
    await stack.api.create(order);
});
after(() => stack?.close());

const sane = /^[A-Za-z0-9._-]{1,128}$/;

/** Sends text over a fresh connection and gives the first answer. */
async function spoken(text, options) {
    const connection = await RawConnection.open(stack.service.base);
    try {
        connection.send(text);
        const answer = await connection.answer(options);
        return answer && parsed(answer);
    } finally {
        connection.close();
    }
}

describe('paths and methods', () => {
    for (const path of [
        '/', '/v1', '/v1/', '/v1/checkout-sessions/', '/v2/checkout-sessions', '/v1/orders', '/v1/orders/', '/V1/orders/x',
        '/checkout', '/checkout/', '/checkout/cancel', '/checkout/cancel/', '/v1/orders/a/b', '/openapi.yaml/', '/%2e%2e/etc/passwd',
        '/v1/orders/../checkout-sessions', '/favicon.ico',
    ])
        test(`${path} is 404`, async () => {
            await stack.api.raw({ path, expect: 404 });
        });

    const known = [
        ['/v1/checkout-sessions', ['POST'], 'createCheckoutSession'],
        ['/v1/checkout-sessions/sess_x', ['GET', 'HEAD'], 'getCheckoutSession'],
        ['/v1/checkout-sessions/sess_x/refresh', ['POST'], 'refreshCheckoutSession'],
        ['/v1/orders/x', ['GET', 'HEAD'], 'getOrder'],
        ['/v1/orders/x/events', ['GET', 'HEAD'], 'listOrderEvents'],
        ['/v1/orders/x/cancel', ['POST'], 'cancelOrder'],
        ['/v1/reconciliation/payments', ['GET', 'HEAD'], 'listReconciliationPayments'],
        ['/checkout/success', ['GET', 'HEAD'], 'checkoutSuccess'],
        ['/checkout/cancel/x', ['GET', 'HEAD'], 'checkoutCancel'],
        ['/openapi.yaml', ['GET', 'HEAD'], 'getOpenapi'],
        ['/docs', ['GET', 'HEAD'], 'getDocs'],
    ];
    for (const [path, allowed, id] of known)
        test(`${path} allows ${allowed}`, async () => {
            for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].filter((m) => !allowed.includes(m))) {
                const answer = await stack.api.raw({ method, path, expect: [405, 'method_not_allowed'] });
                assert.deepEqual(answer.headers.allow.split(', ').sort(), [...allowed].sort());
                stack.contract.checkAnswer(id, answer);
            }
        });

    test('a method that nobody knows is 405', async () => {
        const answer = await spoken(`BREW /v1/orders/x HTTP/1.1\r\nHost: a\r\nAuthorization: ${bearer}\r\n\r\n`);
        assert.equal(answer.status, 405);
    });

    test('HEAD is GET without the body', async () => {
        const connection = await RawConnection.open(stack.service.base);
        const request = (method) =>
            `${method} /v1/orders/${order.merchantOrderId} HTTP/1.1\r\nHost: a\r\nAuthorization: ${bearer}\r\n\r\n`;
        connection.send(request('HEAD'));
        const head = await connection.answer({ head: true });
        connection.send(request('GET'));
        const get = await connection.answer();
        connection.close();
        assert.deepEqual([head.status, get.status], [200, 200]);
        assert.equal(head.headers['content-type'], get.headers['content-type']);
        assert.equal(head.headers['content-length'], get.headers['content-length']);
        assert.equal(JSON.parse(get.text).merchantOrderId, order.merchantOrderId);
    });

    for (const path of ['/v1/orders/%', '/v1/orders/%zz', '/v1/orders/%C3', '/v1/orders/%ff%fe'])
        test(`${path} cannot be decoded`, async () => {
            const answer = await stack.api.raw({ path });
            assert.ok([400, 404].includes(answer.status), String(answer.status));
        });

    test('the admin listener answers in problem documents as well', async () => {
        const missing = parsed(await exchange(stack.service.admin, { path: '/nothing' }));
        assert.deepEqual([missing.status, missing.json.code], [404, 'not_found']);
        checkProblem(missing);
        const wrong = parsed(await exchange(stack.service.admin, { method: 'POST', path: '/livez' }));
        assert.deepEqual([wrong.status, wrong.json.code], [405, 'method_not_allowed']);
        stack.contract.checkAnswer('livez', wrong);
    });
});

describe('media types', () => {
    const post = (contentType) =>
        stack.api.raw({
            method: 'POST',
            path: '/v1/checkout-sessions',
            headers: contentType === undefined ? {} : { 'content-type': contentType },
            body: JSON.stringify(stack.order()),
        });

    for (const type of ['application/json', 'application/json; charset=utf-8', 'Application/JSON;charset="UTF-8"', 'application/json ;x=y'])
        test(`${type} is JSON`, async () => {
            assert.equal((await post(type)).status, 201);
        });
    for (const type of [
        undefined, '', '*/*', 'text/plain', 'text/json', 'application/jsonp', 'application/json-patch+json',
        'application/x-www-form-urlencoded',
    ])
        test(`${type} is not`, async () => {
            const answer = await post(type);
            assert.deepEqual([answer.status, answer.json?.code], [415, 'unsupported_media_type']);
            stack.contract.checkAnswer('createCheckoutSession', answer);
        });

    test('a POST without a body needs no type', async () => {
        const answer = await spoken(
            `POST /v1/orders/${order.merchantOrderId}x/cancel HTTP/1.1\r\nHost: a\r\nAuthorization: ${bearer}\r\nContent-Length: 0\r\n\r\n`,
        );
        assert.deepEqual([answer.status, answer.json.code], [404, 'order_not_found']);
    });
});

describe('limits', () => {
    const limit = 256 * 1024;
    const padded = (size) => {
        const text = JSON.stringify(stack.order({ supersede: false }));
        return text.replace('{', `{${' '.repeat(size - text.length)}`);
    };

    test('a body of 256 KiB is read', async () => {
        await stack.api.create(padded(limit));
    });

    test('one byte more is 413', async () => {
        const body = padded(limit + 1);
        const answer = await stack.api.raw({
            method: 'POST',
            path: '/v1/checkout-sessions',
            headers: { 'content-type': 'application/json' },
            body,
            expect: [413, 'body_too_large'],
        });
        stack.contract.checkAnswer('createCheckoutSession', answer);
    });

    test('a body that announces itself too large is 413 before it is sent', async () => {
        const answer = await spoken(
            `POST /v1/checkout-sessions HTTP/1.1\r\nHost: a\r\nAuthorization: ${bearer}\r\n` +
                'Content-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n',
        );
        assert.equal(answer.status, 413);
    });

    test('a chunked body is limited too', async () => {
        const connection = await RawConnection.open(stack.service.base);
        connection.send(
            `POST /v1/checkout-sessions HTTP/1.1\r\nHost: a\r\nAuthorization: ${bearer}\r\n` +
                'Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
        );
        const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`;
        for (let sent = 0; sent <= limit; sent += 0x10000) connection.send(chunk);
        const answer = await connection.answer();
        connection.close();
        assert.equal(answer.status, 413);
    });

    test('a chunked body within the limit is read', async () => {
        const body = Buffer.from(JSON.stringify(stack.order()));
        const cut = 10;
        const answer = await spoken(
            `POST /v1/checkout-sessions HTTP/1.1\r\nHost: a\r\nAuthorization: ${bearer}\r\n` +
                'Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n' +
                `${cut.toString(16)}\r\n${body.subarray(0, cut)}\r\n` +
                `${(body.length - cut).toString(16)}\r\n${body.subarray(cut)}\r\n0\r\n\r\n`,
        );
        assert.equal(answer.status, 201, answer.text);
    });

    test('a head over 16 KiB is 431', async () => {
        const answer = await spoken(`GET /v1/orders/x HTTP/1.1\r\nHost: a\r\nX-Long: ${'x'.repeat(17 * 1024)}\r\n\r\n`);
        assert.deepEqual([answer.status, answer.json.code], [431, 'headers_too_large']);
        stack.contract.checkAnswer('getOrder', answer);
        const target = await spoken(`GET /v1/orders/${'x'.repeat(17 * 1024)} HTTP/1.1\r\nHost: a\r\n\r\n`);
        assert.equal(target.status, 431);
    });

    /** Sends a beginning, and gives the answer that comes and how long the connection lasted. */
    async function unfinished(text) {
        const connection = await RawConnection.open(stack.service.base);
        const begun = Date.now();
        connection.send(text);
        const answer = parsed(await connection.answer());
        await connection.untilClosed();
        return { answer, took: Date.now() - begun };
    }

    test('a head or a body that does not come is 408, and the connection ends', async () => {
        const [head, body] = await Promise.all([
            unfinished('GET /v1/orders/x HTTP/1.1\r\nHost:'),
            unfinished(
                `POST /v1/checkout-sessions HTTP/1.1\r\nHost: a\r\nAuthorization: ${bearer}\r\n` +
                    'Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
            ),
        ]);
        for (const { answer } of [head, body]) {
            assert.deepEqual([answer.status, answer.json.code], [408, 'request_timeout']);
            stack.contract.checkAnswer('createCheckoutSession', answer);
        }
        assert.ok(head.took > 5_000 && head.took < 30_000, `${head.took} ms`);
        assert.ok(body.took > 5_000 && body.took < 45_000, `${body.took} ms`);
    });
});

describe('connections', () => {
    const get = (extra = '') =>
        `GET /v1/orders/${order.merchantOrderId} HTTP/1.1\r\nHost: a\r\nAuthorization: ${bearer}\r\n${extra}\r\n`;

    test('keep alive', async () => {
        const connection = await RawConnection.open(stack.service.base);
        for (let i = 0; i < 20; i++) {
            connection.send(get());
            assert.equal((await connection.answer()).status, 200);
        }
        connection.send(get('Connection: close\r\n'));
        const last = await connection.answer();
        assert.equal(last.status, 200);
        assert.equal(last.headers.connection?.toLowerCase(), 'close');
        await connection.untilClosed();
    });

    test('an error does not end the connection', async () => {
        const connection = await RawConnection.open(stack.service.base);
        connection.send('GET /v1/orders/x HTTP/1.1\r\nHost: a\r\n\r\n');
        assert.equal((await connection.answer()).status, 401);
        connection.send(get());
        assert.equal((await connection.answer()).status, 200);
        connection.close();
    });

    test('pipelined requests are answered in order', async () => {
        const connection = await RawConnection.open(stack.service.base);
        const ids = Array.from({ length: 12 }, (_, i) => `pipe-${i}`);
        const created = stack.order();
        const body = JSON.stringify(created);
        connection.send(
            ids.map((id) => get(`X-Request-Id: ${id}\r\n`)).join('') +
                `POST /v1/checkout-sessions HTTP/1.1\r\nHost: a\r\nAuthorization: ${bearer}\r\n` +
                `Content-Type: application/json\r\nContent-Length: ${body.length}\r\nX-Request-Id: pipe-post\r\n\r\n${body}` +
                get('X-Request-Id: pipe-last\r\n'),
        );
        for (const id of ids) assert.equal((await connection.answer()).headers['x-request-id'], id);
        const post = parsed(await connection.answer());
        assert.deepEqual([post.status, post.headers['x-request-id']], [201, 'pipe-post']);
        assert.equal((await connection.answer()).headers['x-request-id'], 'pipe-last');
        connection.close();
        assert.equal((await stack.twin.calls({ operation: 'create', reference: created.merchantOrderId })).length, 1);
    });

    test('a request in single bytes is a request', async () => {
        const connection = await RawConnection.open(stack.service.base);
        connection.socket.setNoDelay(true);
        for (const byte of get()) {
            connection.send(byte);
            await new Promise(setImmediate);
        }
        assert.equal((await connection.answer()).status, 200);
        connection.close();
    });

    test('HTTP/1.0 is answered and closed', async () => {
        const connection = await RawConnection.open(stack.service.base);
        connection.send(`GET /openapi.yaml HTTP/1.0\r\n\r\n`);
        assert.equal((await connection.answer()).status, 200);
        await connection.untilClosed();
    });

    test('what is not HTTP is 400, and the connection ends', async () => {
        for (const nonsense of ['\x16\x03\x01\x02\x00\x01\x00\x01', 'HELO shop.example\r\n\r\n', 'GET  HTTP/1.1\r\n\r\n']) {
            const connection = await RawConnection.open(stack.service.base);
            connection.send(nonsense.padEnd(64, '\r\n'));
            const answer = await connection.answer();
            if (answer) assert.equal(answer.status, 400);
            await connection.untilClosed();
        }
    });

    test('two lengths, or a length and chunks, are not let through', async () => {
        for (const headers of [
            'Content-Length: 5\r\nContent-Length: 6\r\n',
            'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n',
            'Transfer-Encoding: chunked, identity\r\n',
            'Content-Length: +5\r\n',
        ]) {
            const connection = await RawConnection.open(stack.service.base);
            connection.send(
                `POST /v1/orders/x/cancel HTTP/1.1\r\nHost: a\r\nAuthorization: ${bearer}\r\n${headers}\r\n` +
                    `0\r\n\r\nGET /openapi.yaml HTTP/1.1\r\nHost: a\r\n\r\n`,
            );
            const answer = await connection.answer();
            if (answer) assert.ok([400, 408, 411, 501].includes(answer.status), `${headers.trim()}: ${answer.status}`);
            assert.equal(await connection.answer(), undefined, 'nothing after it is answered');
        }
    });

    test('a client that leaves in the middle does no harm', async () => {
        const left = stack.order();
        const body = JSON.stringify(left);
        await stack.twin.fault({ operation: 'create', fault: 'delay', match: left.merchantOrderId, delay_ms: 300 });
        const connection = await RawConnection.open(stack.service.base);
        connection.send(
            `POST /v1/checkout-sessions HTTP/1.1\r\nHost: a\r\nAuthorization: ${bearer}\r\n` +
                `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
        );
        await stack.twin.called({ operation: 'create', reference: left.merchantOrderId });
        connection.close();
        await stack.api.create(left, { expect: 200 });
        assert.equal((await stack.twin.calls({ operation: 'create', reference: left.merchantOrderId })).length, 1);
    });
});

describe('X-Request-Id', () => {
    test('a sane one is echoed, in every kind of answer', async () => {
        for (const id of ['a', 'A-1.b_c', 'x'.repeat(128)]) {
            const headers = { 'x-request-id': id };
            assert.equal((await stack.api.order(order.merchantOrderId, { headers })).headers['x-request-id'], id);
            assert.equal((await stack.api.raw({ path: '/nothing', headers })).headers['x-request-id'], id);
            assert.equal((await stack.api.raw({ method: 'PUT', path: '/openapi.yaml', headers })).headers['x-request-id'], id);
            assert.equal((await stack.api.as(null).raw({ path: '/v1/orders/x', headers })).headers['x-request-id'], id);
        }
    });

    test('another one is replaced', async () => {
        const seen = new Set();
        for (const id of ['', 'a b', 'x'.repeat(129), 'a"b', 'a{b}', 'é', 'a,b', '<script>']) {
            const headers = { 'x-request-id': Buffer.from(id, 'utf8').toString('latin1') };
            const answer = await stack.api.raw({ path: '/nothing', headers });
            assert.notEqual(answer.headers['x-request-id'], id);
            assert.match(answer.headers['x-request-id'], sane);
            seen.add(answer.headers['x-request-id']);
        }
        assert.equal(seen.size, 8);
    });

    test('a missing one is made', async () => {
        const one = await stack.api.raw({ path: '/nothing' });
        const other = await stack.api.raw({ path: '/nothing' });
        assert.match(one.headers['x-request-id'], sane);
        assert.notEqual(one.headers['x-request-id'], other.headers['x-request-id']);
    });
});

describe('the access log', () => {
    const lineOf = (id) => stack.service.process.logLines().filter((line) => JSON.stringify(line).includes(`"${id}"`));

    test('shows the route, the status and the duration, never a query or a cancel token', async () => {
        const token = 'cancel-token-that-must-not-be-logged';
        await stack.api.raw({ path: `/checkout/cancel/${token}`, headers: { 'x-request-id': 'log-1' } });
        await stack.api.raw({ path: '/checkout/success?sessionId=sess_must_not_be_logged', headers: { 'x-request-id': 'log-2' } });
        await stack.api.order(order.merchantOrderId, { headers: { 'x-request-id': 'log-3' } });
        for (const id of ['log-1', 'log-2', 'log-3']) await eventually(`a line about ${id}`, () => lineOf(id).length > 0);
        const shown = JSON.stringify(lineOf('log-3'));
        assert.ok(shown.includes('/v1/orders/{merchantOrderId}'), shown);
        assert.ok(shown.includes('200'), shown);
        assert.ok(!stack.service.process.stderr.includes(token));
        assert.ok(!stack.service.process.stderr.includes('sess_must_not_be_logged'));
    });

    test('carries the trace of the caller', async () => {
        const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
        const headers = { traceparent: `00-${trace}-00f067aa0ba902b7-01`, 'x-request-id': 'log-4' };
        await stack.api.order(order.merchantOrderId, { headers });
        await eventually('a line with the trace', () => JSON.stringify(lineOf('log-4')).includes(trace));
    });
});

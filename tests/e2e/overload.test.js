// More than can be served: what is refused is refused early and with Retry-After, what is accepted is served, and overload alone
// takes no replica out.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { parsed } from './support/client.js';
import { connect } from './support/database.js';
import { artifacts, checkoutBinary, eventually } from './support/environment.js';
import { RawConnection } from './support/http.js';
import { Service } from './support/service.js';
import { Stack } from './support/stack.js';

let stack;
before(async () => (stack = await Stack.start('overload')));
after(() => stack?.close());

const refused = ({ status, json, headers }, code) => {
    assert.deepEqual([status, json.code], [503, code]);
    assert.match(headers['retry-after'], /^[1-9][0-9]*$/);
};

test('a connection past MAX_CONNECTIONS takes the place of the longest idle one', async () => {
    const service = await stack.serve('overload-connections', { env: { MAX_CONNECTIONS: '4' } });
    const request = 'GET /none HTTP/1.1\r\nHost: a\r\n\r\n';
    const open = async () => {
        const connection = await RawConnection.open(service.base);
        connection.send(request);
        assert.equal((await connection.answer()).status, 404);
        return connection;
    };
    const held = [];
    for (let i = 0; i < 4; i++) held.push(await open());
    held.push(await open());
    await held[0].untilClosed();
    for (const connection of held.slice(1)) {
        connection.send(request);
        assert.equal((await connection.answer()).status, 404);
        connection.close();
    }
});

describe('few descriptors', () => {
    /** The service, started with that limit of open files, soft and hard. */
    const limited = (files) => {
        const program = join(artifacts(), `with-${files}-files`);
        writeFileSync(program, `#!/bin/sh\nulimit -n ${files} && exec '${checkoutBinary}' "$@"\n`, { mode: 0o755 });
        return program;
    };
    const settings = () => ({ databaseUrl: stack.database.serverUrl, clinkUrl: stack.twin.apiBase, clinkKey: stack.twin.apiKey });

    test('leave room for fewer clients, and none of them keeps the service from its work', async () => {
        const service = new Service('overload-files', settings());
        stack.services.push(service);
        await service.start({ binary: limited(800) });
        const said = service.process.logLines().find(({ event }) => event === 'connections_limited');
        assert.ok(said.limit > 50 && said.limit < 400, JSON.stringify(said));
        const held = [];
        for (let i = 0; i < 2 * said.limit; i++) held.push(await RawConnection.open(service.base));
        const client = stack.clientOf(service);
        await client.create(stack.order());
        await client.as(service.tokens.finance).payments({});
        await client.call('readyz', { expect: 200 });
        assert.ok(!service.process.stderr.includes('"http_accept_failed"'));
        for (const connection of held) connection.close();
    });

    test('that are not enough for any are a reason not to start', async () => {
        const service = new Service('overload-no-files', settings());
        await service.start({ binary: limited(500), awaitReady: false });
        assert.equal((await service.process.exited).code, 1);
        assert.match(service.process.stderr, /limit of open files is 500/);
    });
});

test('requests that would wait long for the database are refused before they do, and the replica stays ready', async () => {
    const client = stack.clientOf(await stack.serve('overload-database', { env: { DATABASE_POOL_SIZE: '1' } }));
    const timed = async (work) => {
        const began = performance.now();
        const answer = await work();
        return { answer, ms: performance.now() - began };
    };
    // Whatever wants an order is held up, and one connection is all there is.
    const locker = await connect(stack.database.superuserUrl);
    const sent = [];
    try {
        await locker.query('begin; lock table checkout.orders in access exclusive mode');
        for (let i = 0; i < 40; i++) {
            sent.push(timed(() => client.create(stack.order(), { expect: undefined })));
            await new Promise((done) => setTimeout(done, 100));
        }
        for (const path of ['livez', 'readyz']) {
            const { ms } = await timed(() => client.call(path, { expect: 200 }));
            assert.ok(ms < 2000, `${path}: ${ms} ms`);
        }
    } finally {
        await locker.end();
    }
    const answers = await Promise.all(sent);
    const early = answers.filter(({ answer }) => answer.json.code === 'overloaded');
    assert.ok(early.length >= 10, `${early.length} of ${answers.length} were refused early`);
    let late = 0;
    for (const { answer, ms } of early) {
        refused(answer, 'overloaded');
        late += ms >= 1000;
    }
    assert.ok(late <= 3, `${late} of ${early.length} early refusals took longer than a second`); // the machine stood still
    for (const { answer, ms } of answers) {
        assert.ok([201, 503].includes(answer.status), answer.text);
        assert.ok(ms < 9000, `${ms} ms`);
    }
    await eventually('it serves again', async () => (await client.create(stack.order(), { expect: undefined })).status === 201);
});

test("of the feed's readers a quarter of MAX_IN_FLIGHT may wait; one more is refused, and nobody else", async () => {
    const service = await stack.serve('overload-readers', { env: { MAX_IN_FLIGHT: '32' } });
    const client = stack.clientOf(service);
    const request = (wait) =>
        `GET /v1/reconciliation/events?after=1000000&wait=${wait} HTTP/1.1\r\nHost: a\r\n`
        + `Authorization: Bearer ${service.tokens.finance}\r\n\r\n`;
    const waiting = async () => {
        const { text } = await client.as(null).call('getMetrics', { expect: 200 });
        return Number(/^checkout_feed_readers_waiting (\d+)$/m.exec(text)[1]);
    };
    const readers = [];
    while (readers.length < 8) {
        const reader = await RawConnection.open(service.base);
        reader.send(request(30));
        readers.push(reader);
        await eventually(`${readers.length} wait`, async () => (await waiting()) === readers.length);
    }
    const another = await RawConnection.open(service.base);
    another.send(request(1));
    refused(parsed(await another.answer()), 'overloaded');
    another.send(request(0));
    assert.equal((await another.answer()).status, 200);
    await client.create(stack.order());
    assert.equal(await waiting(), 8);
    for (const reader of [...readers, another]) reader.close();
});

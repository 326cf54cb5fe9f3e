// API tokens are replaced while customers go on buying: API_TOKENS_FILE changes as a mounted Secret does, and as an editor
// or a script would change it. No request fails but those that bring a token that was taken away.
import assert from 'node:assert/strict';
import { appendFileSync, closeSync, mkdtempSync, openSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { eventually } from './support/environment.js';
import { RawConnection } from './support/http.js';
import { Load } from './support/load.js';
import { SecretVolume } from './support/secret_volume.js';
import { makeTokens, recordSecrets } from './support/service.js';
import { Stack } from './support/stack.js';

const old = makeTokens();
const fresh = makeTokens();
const named = (prefix, lines) => lines.map((line) => `${prefix}-${line}`);
const oldLines = named('old', old.lines);
const freshLines = named('fresh', fresh.lines);
const text = (lines) => `${lines.join('\n')}\n`;
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

let stack;
before(() => recordSecrets([...Object.values(old.tokens), ...Object.values(fresh.tokens)]));

/** The stack with its tokens in a file, and customers whose shop has the old ones. */
async function begin(label, file) {
    stack = await Stack.start(label, { env: { API_TOKENS: undefined, API_TOKENS_FILE: file }, webhooks: {} });
    const shop = (tokens) => ({ api: stack.api.as(tokens.storefront), finance: stack.api.as(tokens.finance) });
    const load = new Load({ stack, ...shop(old.tokens), storefrontKeys: [stack.service.storefrontKey] });
    return { load, shop };
}

async function end(load) {
    const ended = stack;
    stack = undefined;
    try {
        await load?.stop();
    } finally {
        await ended?.close();
    }
}

const statusWith = async (token) => (await stack.api.as(token).call('listReconciliationPayments')).status;

/** Awaits that a token is answered `status`, and says after how many milliseconds. */
async function answered(token, status) {
    const began = Date.now();
    await eventually(`the token is answered ${status}`, async () => (await statusWith(token)) === status);
    return Date.now() - began;
}

const rejections = () => stack.service.process.logLines().filter(({ event }) => event === 'api_tokens_not_reloaded');

describe('a mounted Secret', () => {
    let volume;
    let load;
    let shop;
    before(async () => {
        volume = new SecretVolume({ tokens: text(oldLines) });
        ({ load, shop } = await begin('rotation-tokens', volume.path('tokens')));
    });
    after(async () => {
        await end(load);
        volume?.remove();
    });

    test('the new token beside the old, the callers move, the old one is taken away', async (t) => {
        await load.round();
        assert.equal(await statusWith(fresh.tokens.finance), 401);

        volume.update({ tokens: text([...oldLines, ...freshLines]) });
        const known = await answered(fresh.tokens.finance, 200);
        await load.round(); // with the old ones, which are still good

        Object.assign(load, shop(fresh.tokens));
        await load.round();
        const callers = stack.service.process.logLines().map(({ caller }) => caller).filter(Boolean).slice(-10);
        assert.equal(callers.length, 10);
        assert.ok(callers.every((name) => name.startsWith('fresh-')), `the log tells who calls: ${callers}`);

        volume.update({ tokens: text(freshLines) });
        const gone = await answered(old.tokens.finance, 401);
        await load.round();
        for (const token of Object.values(old.tokens)) assert.equal(await statusWith(token), 401);

        t.diagnostic(`${load.requests} requests; the new token was known after ${known} ms, the old one refused after ${gone} ms`);
        assert.deepEqual(rejections(), []);
    });

    test('a token that is taken away while its request is arriving does nothing any more', async () => {
        const terms = stack.order();
        const body = JSON.stringify(terms);
        const slow = await RawConnection.open(stack.service.base);
        volume.update({ tokens: text([...oldLines, ...freshLines]) });
        await answered(old.tokens.finance, 200);
        slow.send(
            `POST /v1/checkout-sessions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${old.tokens.storefront}\r\n` +
                `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body.slice(0, 10)}`,
        );
        volume.update({ tokens: text(freshLines) });
        await answered(old.tokens.finance, 401);
        slow.send(body.slice(10));
        assert.equal((await slow.answer()).status, 401);
        slow.close();
        await load.finance.order(terms.merchantOrderId, { expect: 404 });
        load.assertNothingFailed();
    });
});

describe('a file that is written in place', () => {
    let directory;
    let file;
    let load;
    let shop;
    before(async () => {
        directory = mkdtempSync(join(tmpdir(), 'clink-checkout-tokens.'));
        file = join(directory, 'tokens');
        writeFileSync(file, text(oldLines));
        ({ load, shop } = await begin('rotation-tokens-in-place', file));
    });
    after(async () => {
        await end(load);
        rmSync(directory, { recursive: true, force: true });
    });

    test('piece by piece, over two seconds: the half of it is never taken for the whole', async () => {
        await load.round();
        truncateSync(file);
        const whole = text([...freshLines, ...oldLines]);
        const size = Math.ceil(whole.length / 40);
        for (let at = 0; at < whole.length; at += size) {
            appendFileSync(file, whole.slice(at, at + size));
            await pause(50); // what nobody touched for a second is taken
        }
        await answered(fresh.tokens.finance, 200);
        Object.assign(load, shop(fresh.tokens));
        await load.round();
    });

    test('emptied, filled with something else, taken away: what was read last stays good', async () => {
        truncateSync(file);
        await eventually('the log tells of the empty file', () => rejections().length === 1);
        writeFileSync(file, 'not a token line\n');
        await eventually('the log tells of the broken file', () => rejections().length === 2);
        rmSync(file);
        await eventually('the log tells of the missing file', () => rejections().length === 3);
        await load.round();
        assert.equal(await statusWith(old.tokens.finance), 200);

        closeSync(openSync(file, 'w'));
        writeFileSync(file, text(freshLines));
        await answered(old.tokens.finance, 401);
        await load.round();
        assert.ok(rejections().every(({ level }) => level === 'error'));
        assert.ok(rejections().length <= 4);
    });
});

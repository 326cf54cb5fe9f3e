// openapi.yaml itself: it is a valid description, and it can say no.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { Contract, ContractViolation } from './support/contract.js';
import { openapiFile, suiteDirectory } from './support/environment.js';

test('the linter has nothing to say', async () => {
    const redocly = join(suiteDirectory, 'node_modules/@redocly/cli/bin/cli.js');
    const args = [redocly, 'lint', '--config', join(suiteDirectory, 'redocly.yaml'), openapiFile];
    const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' };
    await promisify(execFile)(process.execPath, args, { env });
});

test('every operation has an id, documents 4xx, and tags', async () => {
    const { operations } = await Contract.load();
    assert.ok(operations.size >= 12);
    for (const [id, operation] of operations) {
        assert.match(id, /^[a-z][A-Za-z]+$/);
        assert.ok(operation.tags.length === 1, id);
        assert.ok(operation.responses.some(({ code }) => code.startsWith('4')), id);
    }
});

test('the judge sees what is wrong', async () => {
    const contract = await Contract.load();
    const problem = {
        type: 'urn:clink-checkout:problem:order_not_found', title: 'No such order', status: 404, detail: 'There is none.',
        instance: 'urn:clink-checkout:request:r1', code: 'order_not_found',
    };
    const answer = (changes = {}, body = problem) => ({
        status: 404,
        headers: { 'content-type': 'application/problem+json', 'x-request-id': 'r1' },
        json: body,
        text: JSON.stringify(body),
        ...changes,
    });
    contract.checkAnswer('getOrder', answer());
    const wrong = {
        'an unknown member': answer({}, { ...problem, hint: 'x' }),
        'another code': answer({}, { ...problem, code: 'session_not_found' }),
        'an undocumented status': answer({ status: 418 }),
        'a missing header': answer({ headers: { 'content-type': 'application/problem+json' } }),
        'a malformed header': answer({ headers: { 'content-type': 'application/problem+json', 'x-request-id': 'a b' } }),
        'another media type': answer({ headers: { 'content-type': 'application/json', 'x-request-id': 'r1' } }),
        'a missing member': answer({}, { ...problem, detail: undefined }),
    };
    for (const [what, each] of Object.entries(wrong))
        assert.throws(() => contract.checkAnswer('getOrder', each), ContractViolation, what);
    const empty = { path: '/v1/checkout-sessions', headers: { 'content-type': 'application/json' }, body: {} };
    assert.throws(() => contract.checkRequest('createCheckoutSession', empty), ContractViolation);
});

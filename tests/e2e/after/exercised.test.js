// After the suites: each operation of openapi.yaml was called, and each status that a caller can bring about was seen.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { Contract } from '../support/contract.js';
import { artifacts } from '../support/environment.js';

const seen = new Map();
for (const line of readFileSync(join(artifacts(), 'operations.jsonl'), 'utf8').trim().split('\n')) {
    const { id, status } = JSON.parse(line);
    seen.set(id, (seen.get(id) ?? new Set()).add(String(status)));
}

test('every operation was exercised', async () => {
    const { operations } = await Contract.load();
    assert.deepEqual([...operations.keys()].filter((id) => !seen.has(id)), []);
});

test('every operation succeeded at least once', async () => {
    const { operations } = await Contract.load();
    for (const id of operations.keys()) assert.ok([...seen.get(id)].some((status) => Number(status) < 400), id);
});

test('every outcome of a create was seen', () => {
    const expected = ['200', '201', '401', '403', '409', '422', '502', '503', '504'];
    assert.deepEqual(expected.filter((status) => !seen.get('createCheckoutSession').has(status)), []);
});

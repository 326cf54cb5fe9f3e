// What the cluster's scenario forgives, and what it does not.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { judge } from '../scenario/verdict.js';

const kill = { at: 1000, address: '198.51.100.4' };
const failure = (changes) => ({ at: 990, took: 20, pod: kill.address, order: 'a', error: 'ECONNRESET', ...changes });
const unavailable = { error: undefined, status: 503, json: { code: 'clink_unavailable' } };

const verdictOf = (...failures) => {
    const verdict = judge(failures, [kill], 5000);
    return Object.fromEntries(Object.entries(verdict).map(([name, found]) => [name, found.length]));
};

describe('verdict', () => {
    it('forgives what was cut with the killed pod, and what it answered while it went under', () => {
        assert.deepEqual(verdictOf(failure(), failure({ ...unavailable, at: 1300 })), { cut: 2, waited: 0, refused: 0, unexplained: 0 });
    });
    it('forgives who waited elsewhere for an order that failed there', () => {
        const waiter = failure({ ...unavailable, pod: '198.51.100.9' });
        assert.deepEqual(verdictOf(failure(), waiter), { cut: 1, waited: 1, refused: 0, unexplained: 0 });
    });
    it('does not forgive the same answer about another order, or another answer', () => {
        const other = failure({ ...unavailable, pod: '198.51.100.9', order: 'b' });
        const wrong = failure({ error: undefined, status: 500, json: { code: 'internal_error' }, pod: '198.51.100.9' });
        assert.deepEqual(verdictOf(failure(), other, wrong), { cut: 1, waited: 0, refused: 0, unexplained: 2 });
    });
    it('does not forgive what ended before the kill, came long after it, or went to another pod', () => {
        const others = [failure({ at: 900 }), failure({ at: 6100 }), failure({ pod: '198.51.100.9' }), failure({ pod: undefined })];
        assert.deepEqual(verdictOf(...others), { cut: 0, waited: 0, refused: 0, unexplained: 4 });
    });
    it('counts refused connections apart, for as long as they may come', () => {
        const knock = { refused: true, pod: undefined, error: 'ECONNREFUSED' };
        assert.deepEqual(verdictOf(failure({ ...knock, at: 1500 }), failure({ ...knock, at: 9000 })), { cut: 0, waited: 0, refused: 1, unexplained: 1 });
    });
});

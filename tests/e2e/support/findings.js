// What the record has to say of a world that support/census.js damaged, once a census was there.
import assert from 'node:assert/strict';

/** Every order is in its state with its discrepancies, and every payment that belongs to nothing is one orphan. */
export async function assertFound(stack, cases) {
    const wrong = [];
    for (const each of cases) {
        const { json: order } = await stack.finance.order(each.merchantOrderId);
        const kinds = order.openDiscrepancies.map(({ kind }) => kind).filter((kind) => kind !== 'orphan_event');
        const found = { state: order.state, kinds: [...new Set(kinds)].sort() };
        const expected = { state: each.state, kinds: [...each.kinds].sort() };
        if (JSON.stringify(found) !== JSON.stringify(expected)) wrong.push({ name: each.name, found, expected });
        if (!each.orphan) continue;
        const orphans = await stack.discrepancies(each.orphan, { kind: 'orphan_event' });
        if (orphans.length !== 1) wrong.push({ name: each.name, orphans });
    }
    assert.deepEqual(wrong, []);
}

// Whether an expression speaks of metrics, labels and label values that exist: in README.md's catalogue, which
// catalogue.test.js holds against the service, among the recorded rules, or among what others expose.
import { catalogue, foreign, recorded } from './documents.js';
import { familyOf, readPromql } from './promql.js';

/** Labels that Prometheus or its operator gives to every target. */
const targetLabels = ['namespace', 'job', 'instance', 'pod'];

const recordedNames = new Map();
for (const { record, expr } of recorded) {
    const { selectors, grouped } = readPromql(expr);
    const values = Object.assign({}, ...selectors.map(({ name }) => described(name)?.values ?? {}));
    recordedNames.set(record, { labels: grouped, values });
}

function described(name) {
    if (recordedNames.has(name) || foreign.has(name)) return recordedNames.get(name) ?? foreign.get(name);
    const family = familyOf(name, catalogue);
    if (!family) return undefined;
    const { type, labels, values } = catalogue.get(family);
    return { labels: type === 'histogram' ? [...labels, 'le'] : labels, values };
}

/** What is wrong with the names in an expression, in words; empty if nothing is. */
export function misnamed(expr) {
    const { selectors, grouped } = readPromql(expr);
    const wrong = [];
    const known = new Set(targetLabels);
    for (const { name, matchers } of selectors) {
        const metric = described(name);
        if (!metric) {
            wrong.push(`there is no metric ${name || '(without a name)'}`);
            continue;
        }
        for (const label of metric.labels) known.add(label);
        for (const { label, op, value } of matchers) {
            if (!metric.labels.includes(label) && !targetLabels.includes(label)) wrong.push(`${name} has no label ${label}`);
            const values = metric.values[label];
            for (const one of values ? value.split('|') : [])
                if (!values.some((each) => (op.endsWith('~') ? new RegExp(`^(?:${one})$`).test(each) : each === one)))
                    wrong.push(`${label} of ${name} is never ${one}`);
        }
    }
    for (const label of grouped) if (!known.has(label)) wrong.push(`nothing that is grouped has a label ${label}`);
    return wrong;
}

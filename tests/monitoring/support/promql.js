// What a PromQL expression names, read with Prometheus's own grammar.
import { parser } from '@prometheus-io/lezer-promql';

/** `{selectors: [{name, matchers: [{label, op, value}]}], grouped: [label]}`; throws where the expression cannot be parsed. */
export function readPromql(expr) {
    const text = (node) => expr.slice(node.from, node.to);
    const selectors = [];
    const grouped = [];
    parser.parse(expr).iterate({
        enter(reference) {
            const node = reference.node;
            if (node.type.isError) throw new Error(`cannot be parsed at ${node.from}: ${expr}`);
            if (node.name === 'VectorSelector') {
                const identifier = node.getChild('Identifier');
                selectors.push({ name: identifier ? text(identifier) : '', matchers: [] });
            }
            if (node.name === 'UnquotedLabelMatcher')
                selectors.at(-1).matchers.push({
                    label: text(node.getChild('LabelName')),
                    op: text(node.getChild('MatchOp')),
                    value: JSON.parse(text(node.getChild('StringLiteral'))),
                });
            if (node.name === 'GroupingLabels') grouped.push(...node.getChildren('LabelName').map(text));
        },
    });
    return { selectors, grouped };
}

/** The metric behind a series' name: a histogram's series bear a suffix. */
export function familyOf(name, catalogue) {
    if (catalogue.has(name)) return name;
    const base = name.replace(/_(bucket|sum|count)$/, '');
    return catalogue.get(base)?.type === 'histogram' ? base : undefined;
}

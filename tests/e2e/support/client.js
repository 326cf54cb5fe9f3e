// The API as a storefront or finance program would call it. Every answer is held against openapi.yaml; so is every request
// that the service accepted.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import { exchange } from './http.js';

const problemMembers = new Set([
    'type', 'title', 'status', 'detail', 'instance', 'code', 'errors', 'conflicts', 'clinkCode', 'clinkMessage',
]);

export class Client {
    constructor(contract, service, token, tls = service.tls) {
        this.contract = contract;
        this.service = service;
        this.token = token;
        this.tls = tls;
    }

    /** The same client with another token; null for none. */
    as(token) {
        return new Client(this.contract, this.service, token, this.tls);
    }

    /** The same client with other TLS options. */
    over(tls) {
        return new Client(this.contract, this.service, this.token, tls);
    }

    /**
     * Calls an operation of openapi.yaml. `body` is an object, or a string that goes out as it is. With `expect` the
     * status is asserted; `expect: [409, 'order_cancelled']` asserts a problem.
     */
    async call(id, { params = {}, query = {}, headers = {}, body, expect } = {}) {
        const operation = this.contract.operation(id);
        const path = operation.path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(params[name]));
        const search = new URLSearchParams(query).toString();
        const sent = { 'x-request-id': randomUUID(), ...headers };
        if (this.token && !('authorization' in headers)) sent.authorization = `Bearer ${this.token}`;
        const text = typeof body === 'object' ? JSON.stringify(body) : body;
        if (text !== undefined) sent['content-type'] ??= 'application/json';

        const answer = await this.#exchange(operation, search ? `${path}?${search}` : path, sent, text);
        this.contract.record(id, answer.status);
        this.contract.checkAnswer(id, answer);
        if (answer.status < 400)
            this.contract.checkRequest(id, { path, query, headers: sent, body: text && JSON.parse(text) });
        if (answer.json?.code !== undefined && answer.status >= 400) checkProblem(answer);
        assertExpected(id, answer, expect);
        return answer;
    }

    /** Any request to the main listener, outside of openapi.yaml's operations. */
    async raw({ method = 'GET', path, headers = {}, body, expect }) {
        const sent = { ...(this.token ? { authorization: `Bearer ${this.token}` } : {}), ...headers };
        const answer = parsed(await exchange(this.service.base, { method, path, headers: sent, body, tls: this.tls }));
        if (answer.json?.code !== undefined && answer.status >= 400) checkProblem(answer);
        assertExpected(`${method} ${path}`, answer, expect);
        return answer;
    }

    async #exchange(operation, path, headers, body) {
        const isAdmin = ['/livez', '/readyz', '/metrics'].includes(operation.path);
        const base = isAdmin ? this.service.admin : this.service.base;
        const method = operation.method.toUpperCase();
        return parsed(await exchange(base, { method, path, headers, body, tls: this.tls }));
    }

    create(body, options) {
        return this.call('createCheckoutSession', { body, expect: 201, ...options });
    }

    session(sessionId, options) {
        return this.call('getCheckoutSession', { params: { sessionId }, expect: 200, ...options });
    }

    refresh(sessionId, options) {
        return this.call('refreshCheckoutSession', { params: { sessionId }, expect: 200, ...options });
    }

    order(merchantOrderId, options) {
        return this.call('getOrder', { params: { merchantOrderId }, expect: 200, ...options });
    }

    explain(merchantOrderId, options) {
        return this.call('explainOrder', { params: { merchantOrderId }, expect: 200, ...options });
    }

    cancel(merchantOrderId, options) {
        return this.call('cancelOrder', { params: { merchantOrderId }, expect: 200, ...options });
    }

    payments(query, options) {
        return this.call('listReconciliationPayments', { query, expect: 200, ...options });
    }

    discrepancies(query, options) {
        return this.call('listDiscrepancies', { query, expect: 200, ...options });
    }

    success(sessionId, options) {
        return this.as(null).call('checkoutSuccess', { query: { sessionId }, expect: 303, ...options });
    }

    left(token, options) {
        return this.as(null).call('checkoutCancel', { params: { token }, expect: 303, ...options });
    }

    /** A webhook's body as it is; null removes a header. Judged as an answer only: such a request may be anything. */
    async webhook(body, headers, { expect } = {}) {
        const given = Object.entries({ 'content-type': 'application/json', ...headers }).filter(([, value]) => value !== null);
        const id = 'receiveClinkWebhook';
        const { path } = this.contract.operation(id);
        const sent = Object.fromEntries(given);
        const answer = parsed(await exchange(this.service.base, { method: 'POST', path, headers: sent, body, tls: this.tls }));
        this.contract.record(id, answer.status);
        this.contract.checkAnswer(id, answer);
        if (answer.json?.code !== undefined && answer.status >= 400) checkProblem(answer);
        assertExpected(id, answer, expect);
        return answer;
    }

    /** All events of an order, read in pages of `limit`. */
    async events(merchantOrderId, limit = 100) {
        const items = [];
        let query = { limit: String(limit) };
        do {
            const options = { params: { merchantOrderId }, query, expect: 200 };
            const { json } = await this.call('listOrderEvents', options);
            items.push(...json.items);
            query = json.nextCursor && { limit: String(limit), cursor: json.nextCursor };
        } while (query);
        return items;
    }
}

export function parsed(answer) {
    const type = (answer.headers['content-type'] ?? '').split(';')[0];
    if (answer.text !== '' && /^application\/(problem\+)?json$/.test(type)) answer.json = JSON.parse(answer.text);
    return answer;
}

/** What holds for every problem document, wherever it comes from. */
export function checkProblem({ status, headers, json }) {
    assert.equal(headers['content-type'].split(';')[0], 'application/problem+json');
    assert.equal(json.status, status);
    assert.equal(json.type, `urn:clink-checkout:problem:${json.code}`);
    assert.match(json.title, /\S/);
    assert.match(json.detail, /\S/);
    assert.equal(json.instance, `urn:clink-checkout:request:${headers['x-request-id']}`);
    for (const member of Object.keys(json)) assert.ok(problemMembers.has(member), `unknown member ${member}`);
}

function assertExpected(what, answer, expect) {
    if (expect === undefined) return;
    const [status, code] = [expect].flat();
    const shown = `${what}: ${answer.status} ${answer.text.slice(0, 1000)}`;
    assert.equal(answer.status, status, shown);
    if (code !== undefined) assert.equal(answer.json?.code, code, shown);
}

/** The pointers of a validation problem, sorted, each once. */
export function pointers(answer) {
    return [...new Set(answer.json.errors.map(({ pointer }) => pointer))].sort();
}

// The Clink twin as a process, and its control API (tests/clink_twin/README.md).
import { randomBytes } from 'node:crypto';

import { eventually, freePort, twinBinary } from './environment.js';
import { exchange } from './http.js';
import { ChildProcess } from './process.js';

export class Twin {
    /** `tls`: `{certFile, keyFile, ca}` makes it speak TLS; `name` is then what the certificate is for. */
    static async start(label, tls) {
        const twin = new Twin();
        twin.tls = tls;
        twin.label = label;
        twin.apiKey = `sk_test_${randomBytes(24).toString('hex')}`;
        twin.port = await freePort();
        twin.base = `${tls ? 'https' : 'http'}://${tls?.name ?? '127.0.0.1'}:${twin.port}`;
        twin.apiBase = `${twin.base}/api`;
        twin.pageBase = `${twin.base}/pay/`;
        twin.issued = new Set();
        await twin.start();
        return twin;
    }

    /** Starts it, again on the same port; what it knew before is gone. */
    async start() {
        const env = { CLINK_TWIN_API_KEY: this.apiKey };
        const args = ['--listen', `127.0.0.1:${this.port}`];
        if (this.tls) args.push('--tls-cert', this.tls.certFile, '--tls-key', this.tls.keyFile);
        this.process = new ChildProcess(`twin-${this.label}`, twinBinary, args, env);
        await eventually('the twin answers', async () => {
            if (this.process.exit) throw new Error(`the twin exited: ${this.process.stderr}`);
            return this.control('GET', 'health').catch(() => false);
        });
    }

    async stop() {
        if (!this.process || this.process.exit) return;
        await this.secrets();
        await this.process.stop('SIGKILL');
    }

    async control(method, path, body) {
        const options = { method, path: `/control/${path}` };
        if (body !== undefined) {
            options.headers = { 'content-type': 'application/json' };
            options.body = JSON.stringify(body);
        }
        const { status, text } = await exchange(this.base, { ...options, tls: { ca: this.tls?.ca } });
        if (status !== 200) throw new Error(`twin: ${method} ${path}: ${status} ${text}`);
        return JSON.parse(text);
    }

    /** Page tokens that it gave out since its first start: what must be kept nowhere. */
    async secrets() {
        if (!this.process.exit)
            for (const { page_url: url } of await this.control('GET', 'sessions')) this.issued.add(url.split('%23').pop());
        return [...this.issued];
    }

    /** Adds a fault; without `operation` or `match` it is for every call. */
    fault(description) {
        return this.control('POST', 'faults', description);
    }

    clearFaults() {
        return this.control('DELETE', 'faults');
    }

    settings(changes) {
        return this.control('PUT', 'settings', changes);
    }

    /** The merchant API's calls, oldest first; header names lower case. */
    async calls({ operation = '', reference = '', after = 0 } = {}) {
        const query = new URLSearchParams({ operation, merchantReferenceId: reference, after: String(after) });
        const calls = await this.control('GET', `requests?${query}`);
        return calls.map((call) => ({
            ...call,
            headers: Object.fromEntries(Object.entries(call.headers).map(([name, value]) => [name.toLowerCase(), value])),
        }));
    }

    /** Awaits a call that has arrived, answered or not. */
    called(filter, count = 1) {
        return eventually(`the twin is called ${count} time(s)`, async () => (await this.calls(filter)).length >= count);
    }

    async callCount() {
        const { requests } = await this.control('GET', 'stats');
        return Object.values(requests).reduce((sum, count) => sum + count, 0);
    }

    closeIdle() {
        return this.control('POST', 'connections/close');
    }

    sessions(reference) {
        return this.control('GET', `sessions?${new URLSearchParams({ merchantReferenceId: reference })}`);
    }

    /** Clink's own view of the orders made for a reference, as its API gives them. */
    async orders(reference) {
        const rows = await this.control('GET', `orders?${new URLSearchParams({ merchantReferenceId: reference })}`);
        return rows.map(({ order }) => order);
    }

    act(sessionId, action, choice = {}) {
        return this.control('POST', `sessions/${sessionId}/${action}`, choice);
    }

    pay(sessionId, choice) {
        return this.act(sessionId, 'pay', choice);
    }

    /** Its webhooks, once no attempt to deliver one is under way; what is held or waits for a retry stays so. */
    async webhooks(sessionId) {
        const log = await this.control('POST', 'webhooks/await');
        return sessionId === undefined ? log : log.filter((each) => each.sessionId === sessionId);
    }

    /** Tries at once to deliver what is held or waits for a retry. */
    flush(order = 'as_made') {
        return this.control('POST', 'webhooks/flush', { order });
    }

    /** A customer pays on the hosted page by its form; gives where the browser is sent. */
    async payOnPage(url) {
        const { pathname } = new URL(url);
        const page = await exchange(this.base, { path: pathname });
        if (page.status !== 200) throw new Error(`the hosted page answered ${page.status}`);
        const headers = { 'content-type': 'application/x-www-form-urlencoded' };
        const body = new URLSearchParams({ method: 'CARD', card: '4242 4242 4242 4242' }).toString();
        const { status, headers: answer } = await exchange(this.base, { method: 'POST', path: `${pathname}/pay`, headers, body });
        if (status !== 303) throw new Error(`paying answered ${status}`);
        return answer.location;
    }

    /** A customer leaves the hosted page; gives where the browser is sent. */
    async leavePage(url) {
        const { headers } = await exchange(this.base, { path: `${new URL(url).pathname}/leave` });
        return headers.location;
    }

    /** A session that somebody else made with the same key. */
    async foreignSession() {
        const body = JSON.stringify({
            originalAmount: 10, originalCurrency: 'USD', customerEmail: 'else@where.example', merchantReferenceId: 'not-ours',
            priceDataList: [{ name: 'x', unitAmount: 10, quantity: 1 }],
        });
        const headers = { 'x-api-key': this.apiKey, 'x-timestamp': String(Date.now()), 'content-type': 'application/json' };
        const { text } = await exchange(this.base, { method: 'POST', path: '/api/checkout/session', headers, body });
        return JSON.parse(text).data.sessionId;
    }
}

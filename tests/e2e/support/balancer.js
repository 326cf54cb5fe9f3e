// What stands before the replicas: forwards each request, over connections that it keeps, to the next replica that is ready.
// One that is not ready, or that said `Connection: close`, gets nothing more until /readyz answers 200 again. No request is
// ever sent twice: one that fails on the way is the client's 502, so that a test sees it.
import http from 'node:http';

import { eventually } from './environment.js';
import { exchange } from './http.js';

const probeEveryMs = 50;
const freshMs = 300; // what was asked longer ago, as when this process stood still, is asked again before it is relied on
/** Those of the connection itself; node sets them anew on the other side. */
const hopByHop = ['connection', 'keep-alive', 'transfer-encoding'];

export class Balancer {
    static async start() {
        const balancer = new Balancer();
        balancer.members = [];
        balancer.turn = 0;
        balancer.server = http.createServer((request, response) => balancer.#forward(request, response));
        balancer.server.keepAliveTimeout = 0; // clients keep their connections as long as they like
        await new Promise((done) => balancer.server.listen(0, '127.0.0.1', done));
        balancer.base = `http://127.0.0.1:${balancer.server.address().port}`;
        return balancer;
    }

    /** Takes a replica in; completes when it gets requests. */
    add(service) {
        const member = { service, ready: false, agent: new http.Agent({ keepAlive: true }) };
        this.members.push(member);
        member.probing = this.#probe(member);
        return eventually(`${service.label} is ready for the balancer`, () => member.ready);
    }

    /** A replica that has ended. */
    async remove(service) {
        const [member] = this.members.splice(this.members.findIndex((each) => each.service === service), 1);
        member.removed = true;
        await member.probing;
        member.agent.destroy();
    }

    async stop() {
        for (const { service } of [...this.members]) await this.remove(service);
        this.server.closeAllConnections();
        await new Promise((done) => this.server.close(done));
    }

    async #probe(member) {
        while (!member.removed) {
            await this.#look(member);
            await new Promise((done) => setTimeout(done, probeEveryMs));
        }
    }

    async #look(member) {
        const asked = performance.now();
        const answer = await exchange(member.service.admin, { path: '/readyz' }).catch(() => undefined);
        if (asked < member.asked) return; // an older answer than what is known
        member.ready = answer?.status === 200;
        member.asked = asked;
    }

    async #next() {
        for (;;) {
            const ready = this.members.filter((member) => member.ready);
            const member = ready[this.turn++ % ready.length];
            if (!member || performance.now() - member.asked < freshMs) return member;
            await this.#look(member);
            if (member.ready && !member.removed) return member;
        }
    }

    async #forward(request, response) {
        const member = await this.#next();
        if (!member) return fail(response, 503, 'no replica is ready');
        const { hostname, port } = new URL(member.service.base);
        const { method, url: path, headers } = request;
        const onward = http.request({ agent: member.agent, hostname, port, method, path, headers: endToEnd(headers) });
        onward.on('response', (answer) => {
            if (answer.headers.connection?.toLowerCase() === 'close') member.ready = false;
            response.writeHead(answer.statusCode, endToEnd(answer.headers));
            answer.on('error', () => response.destroy());
            answer.pipe(response);
        });
        onward.on('error', (error) => {
            if (response.headersSent) response.destroy();
            else fail(response, 502, `${member.service.label}: ${error.message}`);
        });
        request.pipe(onward);
    }
}

const endToEnd = (headers) => Object.fromEntries(Object.entries(headers).filter(([name]) => !hopByHop.includes(name)));

function fail(response, status, sentence) {
    response.writeHead(status, { 'content-type': 'text/plain' }).end(`balancer: ${sentence}`);
}

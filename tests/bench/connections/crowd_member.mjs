// One process of a crowd (crowd.mjs): holds connections that do nothing, and others that do it slowly.
import net from 'node:net';
import tls from 'node:tls';

const atOnce = 64; // connections being opened
const stayAwakeMs = 45_000; // an idle connection asks again before the service's 75 s are over
const byteMs = 5_000;
const request = 'GET /none HTTP/1.1\r\nHost: bench\r\n\r\n';
const slowRequests = [
    'GET /none HTTP/1.1\r\nHost: bench\r\nX-Slow: yes\r\n\r\n',
    'POST /webhooks/clink HTTP/1.1\r\nHost: bench\r\nContent-Length: 200000\r\n\r\n{', // its head comes at once
];

const counts = { idle: 0, closed: 0, slow: 0, putOut: 0 };
let plan;

function connect() {
    const { hostname: host, port } = new URL(plan.base);
    return plan.ca ? tls.connect({ host, port: Number(port), ca: plan.ca }) : net.connect({ host, port: Number(port) });
}

/** Completes when its first answer is there. */
function beIdle() {
    return new Promise((done, failed) => {
        const socket = connect();
        let timer;
        socket.once('data', () => {
            counts.idle++;
            socket.on('close', () => {
                counts.idle--;
                counts.closed++;
                clearInterval(timer);
            });
            timer = setInterval(() => socket.write(request), stayAwakeMs + Math.random() * 10_000);
            done();
        });
        socket.on('data', () => {});
        socket.on('error', failed);
        socket.write(request);
    });
}

/** Comes again whenever it is answered or closed. */
function beSlow(index) {
    const text = slowRequests[index % slowRequests.length];
    const head = text.startsWith('POST') ? text.length - 1 : 1;
    let sent = head;
    const socket = connect();
    counts.slow++;
    const timer = setInterval(() => socket.write(text[sent++] ?? ' '), byteMs);
    socket.on('data', () => socket.end());
    socket.on('error', () => {});
    socket.on('close', () => {
        clearInterval(timer);
        counts.slow--;
        counts.putOut++;
        setTimeout(beSlow, 100, index);
    });
    socket.write(text.slice(0, head));
}

process.on('message', async (message) => {
    if (message === 'count') return process.send({ what: 'count', ...counts });
    plan = message;
    let left = plan.idle;
    const opening = async () => {
        while (left-- > 0) await beIdle();
    };
    await Promise.all(Array.from({ length: atOnce }, opening));
    for (let i = 0; i < plan.slow; i++) beSlow(i);
    return process.send({ what: 'here' });
});
process.on('disconnect', () => process.exit(0));

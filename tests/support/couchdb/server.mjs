// CouchDB stand-in for tests: express-pouchdb (storage, revisions, views, Mango) behind a gate that closes the gaps a client would notice.
//   node server.mjs [--port 5984] [--host 127.0.0.1] [--dir DATA] [--admin name:pass] [--user name:pass]...
//                   [--max-doc 8000000] [--max-request 4294967296] [--stdin-exit] [--raw]
// no --dir: in memory.  no --admin: admin party.  --port 0: the kernel picks.  Prints "listening PORT" once it answers.
// --stdin-exit: ends when stdin closes, so a killed test run leaves nothing behind.   --raw: no gate (stock express-pouchdb).
// Faults (not CouchDB; admin only):  PUT /_fault [{"match":"^POST /ev/_bulk_docs","status":503,"headers":{"Retry-After":"1"},
//   "body":{...},"count":2,"delay":0,"when":"before|after|cut-before|cut-after"}]    GET /_fault -> rules left, GET /_log -> requests seen
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { randomBytes, createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { resolve, sep } from 'node:path';
import { EventEmitter } from 'node:events';
process.noDeprecation = true; EventEmitter.defaultMaxListeners = 0;                                        // express-pouchdb still says new Buffer()
const require = createRequire(import.meta.url);
const { values: a } = parseArgs({ options: {
  port: { type: 'string', default: '5984' }, host: { type: 'string', default: '127.0.0.1' }, dir: { type: 'string' },
  admin: { type: 'string' }, user: { type: 'string', multiple: true, default: [] }, raw: { type: 'boolean' }, 'stdin-exit': { type: 'boolean' },
  'max-doc': { type: 'string', default: '8000000' }, 'max-request': { type: 'string', default: '4294967296' } } });
const express = require('express');
let PouchDB = require('pouchdb-core').plugin(require('pouchdb-mapreduce'));
if (a.dir) { mkdirSync(a.dir, { recursive: true });
  PouchDB = PouchDB.plugin(require('pouchdb-adapter-leveldb')).defaults({ adapter: 'leveldb', prefix: resolve(a.dir) + sep });
} else PouchDB = PouchDB.plugin(require('pouchdb-adapter-memory')).defaults({ adapter: 'memory' });
const pouch = require('express-pouchdb')(PouchDB, { mode: 'minimumForPouchDB', inMemoryConfig: true,
  overrideMode: { include: ['config-infrastructure', 'routes/find', 'routes/ddoc-info', 'routes/uuids', 'validation'], exclude: ['compression', 'routes/session-stub'] } });

const json = (res, code, obj, hdr = {}) => res.status(code).set(hdr).type('application/json').send(Buffer.from(JSON.stringify(obj) + '\n'));
const fail = (res, code, error, reason, hdr) => json(res, code, { error, reason }, hdr);
const CLOSE = { Connection: 'close' }, ADMIN_ONLY = { members: { roles: ['_admin'] }, admins: { roles: ['_admin'] } };
const users = new Map(a.user.map(u => [u, []])), sessions = new Map(); if (a.admin) users.set(a.admin, ['_admin']);
let faults = [], log = [];
const tag = n => n + '-' + createHash('md5').update('' + n).digest('base64url');                 // CouchDB's seq is an opaque string
const seqOf = s => s === undefined ? 0 : s === 'now' ? 'now' : /^"?\d+(-[\w-]*)?"?$/.test(s) ? parseInt(String(s).replace(/^"/, ''), 10) : NaN;
const dbOf = async name => (await PouchDB.allDbs()).includes(name) ? PouchDB.__dbCacheMap?.get(name) || new PouchDB(name) : null;
const secOf = async db => { try { return (await db.get('_local/_gate_security')).sec; } catch { return ADMIN_ONLY; } };
function who(req) {                                                  // null: bad credentials
  if (!a.admin) return { name: null, roles: ['_admin'] };
  const m = /^Basic\s+(\S+)/i.exec(req.headers.authorization || '');
  if (m) { const np = Buffer.from(m[1], 'base64').toString(); return users.has(np) ? { name: np.split(':')[0], roles: users.get(np) } : null; }
  return sessions.get(/(?:^|;\s*)AuthSession=([^;]+)/.exec(req.headers.cookie || '')?.[1]) || { name: null, roles: [] };
}
const walk = (v, f) => { if (v && typeof v === 'object') for (const k in v) { if (f(k) || walk(v[k], f)) return true; } return f(v); };
function parse(buf) {                                                // what jiffy refuses, refuse: bad UTF-8, lone surrogates, numbers past a double
  const t = new TextDecoder('utf-8', { fatal: true }).decode(buf), v = JSON.parse(t);
  if (/\\ud[89a-f]|\de\+?\d{3}/i.test(t) && walk(v, x => typeof x === 'string' ? /\p{Surrogate}/u.test(x) : x === Infinity || x === -Infinity)) throw new SyntaxError('x');
  return v;
}
function badDoc(d) {
  if (!d || typeof d !== 'object' || Array.isArray(d)) return [400, 'bad_request', 'Document must be a JSON object'];
  if ('_id' in d && typeof d._id !== 'string') return [400, 'illegal_docid', 'Document id must be a string'];
  if (d._id === '') return [400, 'illegal_docid', 'Document id must not be empty'];
  if (d._id?.[0] === '_' && !/^_(design|local)\/./.test(d._id)) return [400, 'illegal_docid', 'Only reserved document ids may start with underscore.'];
  for (const k in d) if (k[0] === '_' && !/^_(id|rev|deleted|attachments|revisions|local_seq|conflicts|revs_info)$/.test(k)) return [400, 'doc_validation', 'Bad special document member: ' + k];
  if (JSON.stringify(d).length > +a['max-doc']) return [413, 'document_too_large', d._id || ''];
}
async function changes(req, res, db, body) {
  const q = req.query, feed = q.feed || 'normal', es = feed === 'eventsource', line = feed === 'continuous' || es;
  let since = seqOf(q.since); if (Number.isNaN(since)) return fail(res, 400, 'bad_request', "Malformed sequence supplied in 'since' parameter.");
  const o = { include_docs: q.include_docs === 'true', descending: q.descending === 'true' };
  if (q.limit) o.limit = Math.max(1, +q.limit);
  if (q.filter === '_doc_ids') o.doc_ids = body.doc_ids || JSON.parse(q.doc_ids || '[]'); else if (q.filter === '_selector') o.selector = body.selector; else if (q.filter) o.filter = q.filter;
  if (since === 'now') since = (await db.info()).update_seq;
  const out = c => ({ seq: tag(c.seq), id: c.id, changes: c.changes, ...(c.deleted && { deleted: true }), ...(c.doc && { doc: c.doc }) });
  const past = async from => { const r = await db.changes({ ...o, since: from }); return { results: r.results, last: r.last_seq, pending: Math.max(0, (await db.info()).update_seq - r.last_seq) }; };
  const p = await past(since);
  if (feed === 'normal' || feed === 'longpoll' && p.results.length) return json(res, 200, { results: p.results.map(out), last_seq: tag(p.last), pending: p.pending });
  res.status(200).type(es ? 'text/event-stream' : 'application/json'); res.write(line ? '\n' : '{"results":[\n');
  let last = p.last, n = 0, hb, to, live;
  const done = () => { clearInterval(hb); clearTimeout(to); live?.cancel(); };
  const end = () => { done(); res.end(line ? JSON.stringify({ last_seq: tag(last), pending: 0 }) + '\n' : `],\n"last_seq":"${tag(last)}","pending":0}\n`); };
  const idle = () => { clearTimeout(to); if (!hb) to = setTimeout(end, Math.min(+q.timeout || 60000, 60000)); };
  const put = c => { last = c.seq; const s = JSON.stringify(out(c)); res.write(es ? `data: ${s}\nid: "${tag(c.seq)}"\n\n` : s + '\n'); n++; if (!line || o.limit && n >= o.limit) end(); else idle(); };
  if (q.heartbeat) hb = setInterval(() => res.write(es ? 'event: heartbeat\ndata: \n\n' : '\n'), q.heartbeat === 'true' ? 60000 : +q.heartbeat);
  res.on('close', done); idle();
  if (line) for (const c of p.results) { if (res.writableEnded) return; put(c); }
  if (!res.writableEnded) live = db.changes({ ...o, limit: undefined, since: last, live: true }).on('change', c => res.writableEnded || put(c)).on('error', end);
}

const app = express(); app.disable('x-powered-by'); app.disable('etag');
app.use((req, res, next) => {                                        // CouchDB 3 answers JSON whatever Accept says
  req.headers.accept = 'application/json'; res.set('Server', 'CouchDB/3 (stand-in)');
  const e = { m: req.method, u: req.originalUrl, t: Date.now() }; if (req.url !== '/_log' && req.url !== '/_fault') { log.push(e); if (log.length > 10000) log.shift(); res.on('close', () => e.s = res.writableFinished ? res.statusCode : 0); }
  const f = faults.find(f => f.count !== 0 && new RegExp(f.match).test(req.method + ' ' + req.url)); if (!f) return next();
  if (f.count > 0) f.count--;
  const reply = () => { for (const h of res.getHeaderNames()) res.removeHeader(h); json(res, f.status, f.body || { error: 'fault', reason: 'injected' }, f.headers); };
  const fire = () => {
    if (f.when === 'cut-before') return req.socket.destroy();
    if (f.when === 'after' || f.when === 'cut-after') { const end = res.end;   // the write happens; only the answer is lost or replaced
      res.end = () => { res.end = end; f.when === 'after' ? reply() : req.socket.destroy(); return res; }; return next(); }
    return f.status ? reply() : next();
  };
  f.delay ? setTimeout(fire, f.delay) : fire();
});
if (!a.raw) app.use(async (req, res, next) => {
  const m = req.method, p = req.path, u = who(req), adm = u?.roles.includes('_admin');
  if (!u) return fail(res, 401, 'unauthorized', 'Name or password is incorrect.');
  const noAdmin = () => fail(res, 401, 'unauthorized', 'You are not a server admin.');
  let name, ep, rest; try { [, name, ep, ...rest] = p.split('/').map((s, i) => decodeURIComponent(i === 1 ? s.replace(/\+/g, '%20') : s)); } catch { return fail(res, 400, 'bad_request', 'bad path'); }
  const body = async (want = true) => {                              // reads, inflates and parses the body once
    await new Promise((ok, no) => express.raw({ type: () => true, limit: +a['max-request'] })(req, res, e => e ? no(e) : ok()));
    return req.body = Buffer.isBuffer(req.body) && req.body.length ? parse(req.body) : want ? parse(Buffer.from('')) : {};
  };
  try {
    if (!name && /GET|HEAD/.test(m)) return json(res, 200, { couchdb: 'Welcome', version: '3.0.0-stand-in', uuid: 'stand-in', features: ['partitioned'], vendor: { name: 'express-pouchdb' } });
    if (name === '_up') return json(res, 200, { status: 'ok', seeds: {} });
    if (name === '_session') {
      if (m === 'GET') return json(res, 200, { ok: true, userCtx: u, info: { authentication_handlers: ['cookie', 'default'], ...(u.name && { authenticated: req.headers.authorization ? 'default' : 'cookie' }) } });
      if (m === 'DELETE') return json(res, 200, { ok: true }, { 'Set-Cookie': 'AuthSession=; Version=1; Path=/; HttpOnly' });
      if (/form/.test(req.headers['content-type'])) await new Promise(ok => express.urlencoded({ extended: false })(req, res, ok)); else await body();
      const r = users.get(req.body.name + ':' + req.body.password), t = randomBytes(24).toString('base64url');
      if (!r) return fail(res, 401, 'unauthorized', 'Name or password is incorrect.', { 'Set-Cookie': 'AuthSession=; Version=1; Path=/; HttpOnly' });
      sessions.set(t, { name: req.body.name, roles: r });
      return json(res, 200, { ok: true, name: req.body.name, roles: r }, { 'Set-Cookie': `AuthSession=${t}; Version=1; Max-Age=600; Path=/; HttpOnly` });
    }
    if (/^_(fault|log|all_dbs|users)$/.test(name) && !adm) return noAdmin();
    if (name === '_log') return json(res, 200, m === 'DELETE' ? (log = []) : log);
    if (name === '_fault') return m === 'GET' ? json(res, 200, faults) : (faults = await body(), json(res, 200, { ok: true }));
    if (name === '_users' && m === 'PUT' && ep) { const d = await body(); users.set(d.name + ':' + d.password, d.roles || []); return json(res, 201, { ok: true, id: ep, rev: '1-' + '0'.repeat(32) }); }
    if (name[0] === '_') return next();
    if (!ep && /PUT|DELETE/.test(m)) {
      if (!adm) return noAdmin();
      if (m === 'PUT' && !/^[a-z][a-z0-9_$()+/-]*$/.test(name)) return fail(res, 400, 'illegal_database_name', `Name: '${name}'. Only lowercase characters (a-z), digits (0-9), and any of the characters _, $, (, ), +, -, and / are allowed. Must begin with a letter.`);
      if (m === 'DELETE' && !await dbOf(name)) return fail(res, 404, 'not_found', 'Database does not exist.');
      if (m === 'PUT' && req.query.partitioned === 'true' && !await dbOf(name)) res.on('finish', async () => res.statusCode === 201 && (await dbOf(name)).put({ _id: '_local/_gate_partitioned' }));
      return next();
    }
    const db = await dbOf(name); if (!db) return fail(res, 404, 'not_found', 'Database does not exist.', m === 'POST' ? CLOSE : {});
    if (!adm) { const s = await secOf(db), has = l => l && ((l.names || []).includes(u.name) || (l.roles || []).some(r => u.roles.includes(r)));
      const open = !(s.members?.names?.length || s.members?.roles?.length), dbadm = has(s.admins);
      if (!open && !dbadm && !has(s.members)) return u.name ? fail(res, 403, 'forbidden', 'You are not allowed to access this db.', CLOSE) : fail(res, 401, 'unauthorized', 'You are not authorized to access this db.', CLOSE);
      if (!dbadm && m !== 'GET' && (ep === '_design' || ep === '_index')) return fail(res, 403, 'forbidden', 'You are not a db or server admin.');
      if (!dbadm && m === 'PUT' && ep === '_security') return fail(res, 401, 'unauthorized', 'You are not a db or server admin.'); }
    if (ep === '_security') {
      if (m === 'GET') return json(res, 200, await secOf(db));
      const sec = await body(), old = await db.get('_local/_gate_security').catch(() => ({ _id: '_local/_gate_security' })); await db.put({ ...old, sec }); return json(res, 200, { ok: true });
    }
    if (ep === '_changes') return await changes(req, res, db, m === 'POST' ? await body(false) : {});
    if (ep === '_index' && m === 'DELETE') req.url = req.url.replace('/_index/_design/', '/_index/_design%2F');
    const part = await db.get('_local/_gate_partitioned').then(() => true, () => false);
    if (ep === '_partition' && rest.length === 2) { const [k, op] = rest;
      if (op === '_all_docs') req.url = `/${encodeURIComponent(name)}/_all_docs?` + new URLSearchParams({ startkey: JSON.stringify(k + ':'), endkey: JSON.stringify(k + ';'), inclusive_end: 'false', ...req.query });
      if (op === '_find') { const b = await body(); b.selector = { $and: [b.selector || {}, { _id: { $gte: k + ':', $lt: k + ';' } }] }; req._body = true; req.url = `/${encodeURIComponent(name)}/_find`; }
      return next();
    }
    if (m === 'POST' && (!ep || /^_(bulk_docs|bulk_get|find|index|explain|all_docs|revs_diff)$/.test(ep))) {
      if (!/^application\/json\b/i.test(req.headers['content-type'] || '')) return fail(res, 415, 'bad_content_type', 'Content-Type must be application/json', CLOSE);
      const b = await body(); req._body = true;                      // body-parser downstream leaves req.body alone
      if (Array.isArray(b) || typeof b !== 'object') return fail(res, 400, 'bad_request', 'Request body must be a JSON object');
      if (ep === '_bulk_docs' && !('docs' in b)) return fail(res, 400, 'bad_request', 'POST body must include `docs` parameter.');
      if (ep === '_bulk_docs' && !Array.isArray(b.docs)) return fail(res, 400, 'bad_request', '`docs` parameter must be an array.');
      for (const d of ep === '_bulk_docs' ? b.docs : ep ? [] : [b]) {
        const e = badDoc(d) || part && d._id && d._id[0] !== '_' && !/^[^_:][^:]*:./.test(d._id) && [400, 'illegal_docid', 'Doc id must be of form partition:id'];
        if (e) return fail(res, ...e, e[0] === 413 ? CLOSE : {});
      }
      if (ep === '_bulk_docs' && !adm) for (const d of b.docs) if (/^_design\//.test(d._id)) return fail(res, 403, 'forbidden', 'You are not a db or server admin.');
      if (!ep && req.query.batch === 'ok') { const st = res.status; res.status = c => st.call(res, c === 201 ? 202 : c); }
    } else if (ep === '_bulk_docs') return fail(res, 405, 'method_not_allowed', 'Only POST allowed', { Allow: 'POST' });
    next();
  } catch (e) {
    if (res.headersSent) return res.end();
    if (e.type === 'entity.too.large') return fail(res, 413, 'too_large', 'the request entity is too large', CLOSE);
    if (e.status === 415) return fail(res, 415, 'bad_content_type', `${req.headers['content-encoding']} is not a supported content encoding.`);
    if (e instanceof SyntaxError || e instanceof TypeError || e.status === 400) return fail(res, 400, 'bad_request', 'invalid UTF-8 JSON');
    next(e);
  }
});
app.use(pouch);
app.use((err, req, res, next) => res.headersSent ? res.end() : fail(res, err.status || 500, 'internal_server_error', String(err.message)));
const srv = app.listen(+a.port, a.host, () => console.log('listening ' + srv.address().port));
srv.keepAliveTimeout = 300000;                                       // mochiweb's idle limit; node's own 5 s would race with a client's reuse
srv.on('error', e => { console.error(e.message); process.exit(1); });
for (const s of ['SIGTERM', 'SIGINT']) process.on(s, () => process.exit(0));
if (a['stdin-exit']) process.stdin.resume().on('end', () => process.exit(0));

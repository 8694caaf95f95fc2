// SPDX-License-Identifier: MIT
//
// test_node.js - node's fs on the files of a mount, which is the first argument. Prints "ok NAME" or
// "not ok NAME (why)" a test; each gets 20 seconds.
'use strict'

const assert = require('assert')
const { execFile } = require('child_process')
const fs = require('fs')
const path = require('path')
const { promisify } = require('util')

const M = process.argv[2]
const run = promisify(execFile)
const tests = []
const test = (name, body) => tests.push([name, body])
const queue = (name) => path.join(M, 'queues', name)
const value = (name) => path.join(M, 'values', name)
const sleep = (ms) => new Promise((done) => setTimeout(done, ms))

function stat (file) {
  const text = fs.readFileSync(file + ',stat', 'utf8')
  return Object.fromEntries(text.trim().split('\n').map((line) => line.split(/ (.*)/s)))
}

async function untilWaiters (file, n) {
  for (let i = 0; i < 6000; i++) {
    if (stat(file).waiters === String(n)) return
    await sleep(10)
  }
  throw new Error(`waiters ${stat(file).waiters}, want ${n}`)
}

test('readFileSync_one_message', () => {
  fs.writeFileSync(queue('sync'), 'one\n')
  fs.writeFileSync(queue('sync'), 'two\n')
  assert.strictEqual(fs.readFileSync(queue('sync'), 'utf8'), 'one\n')
  assert.strictEqual(fs.readFileSync(queue('sync'), 'utf8'), 'two\n')
})

test('readFile_callback', async () => {
  await promisify(fs.writeFile)(queue('callback'), 'message')
  assert.strictEqual(await promisify(fs.readFile)(queue('callback'), 'utf8'), 'message')
})

test('promises_readFile', async () => {
  await fs.promises.writeFile(queue('promises'), 'message')
  assert.strictEqual(await fs.promises.readFile(queue('promises'), 'utf8'), 'message')
})

test('bytes_are_exact', async () => {
  const bytes = Buffer.from([0, 255, 10, 13, 0])
  await fs.promises.writeFile(queue('bytes'), bytes)
  assert.deepStrictEqual(await fs.promises.readFile(queue('bytes')), bytes)
})

test('large_message_sync', () => {
  const bytes = Buffer.alloc(700000, 'x')
  fs.writeFileSync(queue('large'), bytes)
  assert.strictEqual(stat(queue('large')).messages, '1')
  assert.ok(fs.readFileSync(queue('large')).equals(bytes))
})

test('large_message_read_by_promises', async () => {
  const bytes = Buffer.alloc(700000, 'y')
  fs.writeFileSync(queue('large2'), bytes)
  assert.ok((await fs.promises.readFile(queue('large2'))).equals(bytes))
})

test('appendFile', async () => {
  fs.appendFileSync(queue('append'), 'a')
  await fs.promises.appendFile(queue('append'), 'b')
  await promisify(fs.appendFile)(queue('append'), 'c')
  assert.strictEqual(stat(queue('append')).messages, '3')
  for (const m of 'abc') assert.strictEqual(fs.readFileSync(queue('append'), 'utf8'), m)
})

test('createReadStream_one_message_and_end', async () => {
  fs.writeFileSync(queue('rstream'), 'l1\nl2\n')
  fs.writeFileSync(queue('rstream'), 'other')
  let text = ''
  for await (const part of fs.createReadStream(queue('rstream'), 'utf8')) text += part
  assert.strictEqual(text, 'l1\nl2\n')
  assert.strictEqual(stat(queue('rstream')).messages, '1')
})

test('createReadStream_longer_than_its_buffer', async () => {
  const bytes = Buffer.alloc(300000, 'z')
  fs.writeFileSync(queue('rstream2'), bytes)
  const parts = []
  for await (const part of fs.createReadStream(queue('rstream2'))) parts.push(part)
  assert.ok(Buffer.concat(parts).equals(bytes))
})

test('createWriteStream_a_message_a_write', async () => {
  const stream = fs.createWriteStream(queue('wstream'))
  for (const m of ['a', 'b']) await new Promise((resolve, reject) => stream.write(m, (e) => (e ? reject(e) : resolve())))
  await promisify(stream.end.bind(stream))()
  assert.strictEqual(fs.readFileSync(queue('wstream'), 'utf8'), 'a')
  assert.strictEqual(fs.readFileSync(queue('wstream'), 'utf8'), 'b')
})

test('readline', async () => {
  fs.writeFileSync(path.join(M, 'arrays', 'lines,type=i,len=3'), '1 2 3')
  const lines = []
  const input = fs.createReadStream(path.join(M, 'arrays', 'lines'))
  for await (const line of require('readline').createInterface({ input })) lines.push(line)
  assert.deepStrictEqual(lines, ['1', '2', '3'])
})

test('value', async () => {
  fs.writeFileSync(value('v'), '41')
  fs.appendFileSync(value('v'), 'add 1')
  assert.strictEqual(Number(fs.readFileSync(value('v'), 'utf8')), 42)
  assert.strictEqual(await fs.promises.readFile(value('v'), 'utf8'), '42\n')
})

test('value_own_result', () => {
  fs.writeFileSync(value('own'), '0')
  const fd = fs.openSync(value('own'), 'r+')
  const buffer = Buffer.alloc(100)
  for (let i = 1; i <= 3; i++) {
    fs.writeSync(fd, 'add 1')
    assert.strictEqual(buffer.toString('utf8', 0, fs.readSync(fd, buffer)), `${i}\n`)
  }
  fs.closeSync(fd)
})

test('value_1000_additions_at_once', async () => {
  fs.writeFileSync(value('sum'), '0')
  await Promise.all(Array.from({ length: 1000 }, () => fs.promises.writeFile(value('sum'), 'add 1')))
  assert.strictEqual(fs.readFileSync(value('sum'), 'utf8'), '1000\n')
})

test('raw_of_an_array', () => {
  const raw = path.join(M, 'arrays', 'raw')
  fs.writeFileSync(raw + ',type=d,len=2', '1.5 2.5')
  const bytes = fs.readFileSync(raw + ',raw')
  assert.deepStrictEqual([...new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + 16))], [1.5, 2.5])
  const fd = fs.openSync(raw + ',raw', 'r+')
  const half = Buffer.alloc(8)
  half.writeDoubleLE(-9)
  fs.writeSync(fd, half, 0, 8, 8)
  fs.closeSync(fd)
  assert.strictEqual(Number(fs.readFileSync(raw + ',at=1', 'utf8')), -9)
})

test('semaphore_and_event', async () => {
  const s = path.join(M, 'semaphores', 's')
  const e = path.join(M, 'events', 'e')
  fs.writeFileSync(s, '2')
  assert.strictEqual(fs.readFileSync(s, 'utf8'), '1\n')
  assert.strictEqual(fs.readFileSync(s + ',peek', 'utf8'), '1\n')
  fs.writeFileSync(e, '0')
  const waiting = fs.promises.readFile(e, 'utf8')
  await untilWaiters(e, 1)
  fs.writeFileSync(e, '1')
  assert.strictEqual(await waiting, '1\n')
})

test('a_waiting_read_leaves_node_working', async () => {
  const waiting = fs.promises.readFile(queue('waits') + ',timeout=60', 'utf8').catch((e) => e.code)
  assert.strictEqual(await waiting, 'ENOENT') // a view does not create
  fs.closeSync(fs.openSync(queue('waits'), 'a'))
  const again = fs.promises.readFile(queue('waits') + ',timeout=60', 'utf8')
  await untilWaiters(queue('waits'), 1)
  await fs.promises.writeFile(queue('waits'), 'now')
  assert.strictEqual(await again, 'now')
})

test('between_processes', async () => {
  fs.closeSync(fs.openSync(queue('to'), 'a'))
  const child = run('bash', ['-c', 'read -r l <"$1" && echo "$l again" >"$2"', '-', queue('to'), queue('from')], { timeout: 60000 })
  await fs.promises.writeFile(queue('to'), 'hello\n')
  await child
  assert.strictEqual(fs.readFileSync(queue('from'), 'utf8'), 'hello again\n')
})

test('errors', async () => {
  fs.writeFileSync(value('errors'), '1')
  await assert.rejects(fs.promises.writeFile(value('errors'), 'abc'), { code: 'EINVAL' })
  assert.throws(() => fs.writeFileSync(value('errors'), '99999999999999999999'), { code: 'ERANGE' })
  assert.throws(() => fs.readFileSync(value('absent')), { code: 'ENOENT' })
  assert.throws(() => fs.writeFileSync(queue('q,maxsize=x'), '1'), { code: 'EINVAL' })
  assert.throws(() => fs.readFileSync(queue('waits') + ',timeout=0'), { code: 'EAGAIN' })
  await assert.rejects(fs.promises.readFile(queue('waits') + ',timeout=20ms'), { code: 'ETIMEDOUT' })
  assert.strictEqual(fs.readFileSync(value('errors'), 'utf8'), '1\n')
})

test('removed_while_waited_for', async () => {
  fs.closeSync(fs.openSync(queue('removed'), 'a'))
  const waiting = fs.promises.readFile(queue('removed')).catch((e) => e)
  await untilWaiters(queue('removed'), 1)
  fs.unlinkSync(queue('removed'))
  const error = await waiting
  assert.strictEqual(require('os').constants.errno.EIDRM, -error.errno)
})

test('readdir_rename_unlink', async () => {
  fs.mkdirSync(queue('folder'))
  fs.writeFileSync(queue('folder/q'), 'x')
  assert.deepStrictEqual(fs.readdirSync(queue('folder')), ['q'])
  fs.renameSync(queue('folder/q'), queue('folder/r'))
  assert.strictEqual(fs.readFileSync(queue('folder/r'), 'utf8'), 'x')
  fs.rmSync(queue('folder'), { recursive: true })
  assert.ok(!fs.existsSync(queue('folder')))
})

async function main () {
  let bad = 0
  for (const [name, body] of tests) {
    let timer
    const late = new Promise((resolve, reject) => { timer = setTimeout(() => reject(new Error('it took 60 seconds')), 60000) })
    try {
      await Promise.race([(async () => body())(), late])
      console.log(`ok node_${name}`)
    } catch (e) {
      bad = 1
      console.log(`not ok node_${name} (${String(e.message).replace(/\s+/g, ' ')})`)
    }
    clearTimeout(timer)
  }
  process.exit(bad)
}

main()

#!/usr/bin/env node
// SPDX-License-Identifier: MIT
//
// rows.js - one object of each kind in Node, with what fs has. What may wait long goes through fs.promises, since the
// functions that end in Sync hold up all of the program.
// It prints:
//   queue: first
//   semaphore: acquired 1, 1 left
//   lock: held, another one: EAGAIN
//   event: 1
//   condition: 1
//   barrier: 0 and 1
//   value: 42
//   array: 1 12 13
//   list: popped b, left a
//   dict: red, keys: colour
//   pipe: hello
//   topic: news
//   socket: hello
//   signal: USR2 has come
//   mq: high
'use strict'

const fs = require('fs')
const net = require('net')
const { once } = require('events')

process.chdir(process.env.IPCFS_MOUNT || '/ipc')
const name = `example-${process.pid}`
const { O_RDONLY, O_RDWR, O_NONBLOCK } = fs.constants

const make = (file) => fs.closeSync(fs.openSync(file, 'wx+'))
const put = (file, text) => fs.writeFileSync(file, text, { flag: 'a' })
const get = (file) => fs.readFileSync(file, 'utf8').trimEnd()
const getAsync = async (file) => (await fs.promises.readFile(file, 'utf8')).trimEnd()

// One read(2) of an open file.
function read (fd) {
  const buffer = Buffer.alloc(4096)
  return buffer.toString('utf8', 0, fs.readSync(fd, buffer)).trimEnd()
}

const rows = {
  queue () {
    make(`queues/${name},maxsize=10`)
    put(`queues/${name}`, 'first')
    put(`queues/${name}`, 'second')
    const got = get(`queues/${name}`)
    fs.unlinkSync(`queues/${name}`)
    return got
  },

  semaphore () {
    make(`semaphores/${name},value=2`)
    const got = `acquired ${get(`semaphores/${name}`)}, ${get(`semaphores/${name},peek`)} left`
    put(`semaphores/${name}`, '1') // release
    fs.unlinkSync(`semaphores/${name}`)
    return got
  },

  lock () {
    make(`locks/${name}`)
    const mine = fs.openSync(`locks/${name}`, O_RDWR)
    const other = fs.openSync(`locks/${name}`, O_RDWR | O_NONBLOCK)
    let why = 'has it, too'
    read(mine) // acquires, and gives the fencing token
    try {
      read(other)
    } catch (error) {
      why = error.code
    }
    fs.writeSync(mine, 'unlock') // as the close would, and any death of its holder
    fs.closeSync(mine)
    fs.closeSync(other)
    fs.unlinkSync(`locks/${name}`)
    return `held, another one: ${why}`
  },

  async event () {
    make(`events/${name}`)
    const waits = getAsync(`events/${name}`)
    put(`events/${name}`, '1')
    const got = await waits
    fs.unlinkSync(`events/${name}`)
    return got
  },

  condition () {
    make(`conditions/${name}`)
    const waiter = fs.openSync(`conditions/${name}`, O_RDWR)
    fs.writeSync(waiter, 'arm') // waits from now on, so that nothing is lost before the read
    put(`conditions/${name}`, 'all')
    const got = read(waiter)
    fs.closeSync(waiter)
    fs.unlinkSync(`conditions/${name}`)
    return got
  },

  async barrier () {
    make(`barriers/${name},parties=2`)
    const both = await Promise.all([getAsync(`barriers/${name}`), getAsync(`barriers/${name}`)])
    fs.unlinkSync(`barriers/${name}`)
    return both.sort().join(' and ') // who came as which
  },

  value () {
    make(`values/${name},type=q`)
    put(`values/${name}`, '40')
    put(`values/${name}`, 'add 2')
    const got = get(`values/${name}`)
    fs.unlinkSync(`values/${name}`)
    return got
  },

  array () {
    make(`arrays/${name},type=i,len=3`)
    put(`arrays/${name}`, '1 2 3')
    put(`arrays/${name}`, '1:3 += 10')
    const got = get(`arrays/${name}`).split('\n').join(' ')
    fs.unlinkSync(`arrays/${name}`)
    return got
  },

  list () {
    make(`lists/${name}`)
    put(`lists/${name}`, 'a\nb\n') // two items
    const got = `popped ${get(`lists/${name},pop`)}, left ${get(`lists/${name}`)}`
    fs.unlinkSync(`lists/${name}`)
    return got
  },

  dict () {
    fs.mkdirSync(`dicts/${name}`)
    fs.writeFileSync(`dicts/${name}/colour`, 'red')
    const got = `${get(`dicts/${name}/colour`)}, keys: ${fs.readdirSync(`dicts/${name}`).join(' ')}`
    fs.rmSync(`dicts/${name}`, { recursive: true })
    return got
  },

  pipe () {
    make(`pipes/${name}`)
    const [a, b] = ['a', 'b'].map((end) => fs.openSync(`pipes/${name},${end}`, O_RDWR))
    fs.writeSync(a, 'hello')
    const got = read(b)
    fs.closeSync(a)
    fs.closeSync(b)
    fs.unlinkSync(`pipes/${name}`)
    return got
  },

  topic () {
    make(`topics/${name}`)
    const listener = fs.openSync(`topics/${name},stream`, O_RDONLY) // hears all from now on
    put(`topics/${name}`, 'news')
    const got = read(listener)
    fs.closeSync(listener)
    fs.unlinkSync(`topics/${name}`)
    return got
  },

  async socket () {
    const server = net.createServer((connection) => connection.end('hello')).listen(`sockets/${name}`)
    await once(server, 'listening')
    const client = net.connect(`sockets/${name}`)
    const [got] = await once(client, 'data')
    client.end()
    server.close() // removes the name, too
    return got.toString()
  },

  async signal () {
    const came = once(process, 'SIGUSR2')
    put(`signals/${process.pid}`, 'USR2')
    await came
    return 'USR2 has come'
  },

  mq () {
    make(`mq/${name},maxmsg=4`)
    put(`mq/${name},prio=1`, 'low') // mq_open(3) would find it, too
    put(`mq/${name},prio=5`, 'high')
    const got = get(`mq/${name}`)
    fs.unlinkSync(`mq/${name}`)
    return got
  }
}

async function main () {
  for (const [row, body] of Object.entries(rows)) console.log(`${row}: ${await body()}`)
}

main()

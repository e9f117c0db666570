// Sends back what it receives. It runs on a machine of its own, with nothing but Node.
import net from 'node:net'

const port = Number(process.argv[2])

net
  .createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy())
    socket.pipe(socket)
  })
  .listen(port)

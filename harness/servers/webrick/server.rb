# Serves a directory: server.rb PORT DIRECTORY.
require 'webrick'

port, directory = ARGV
server = WEBrick::HTTPServer.new(
  BindAddress: '127.0.0.1', Port: port, DocumentRoot: directory,
  AccessLog: [], Logger: WEBrick::Log.new(File::NULL)
)
trap('TERM') { server.shutdown }
server.start

--- The command `:Completer`; see lua/completer/command.lua.
vim.api.nvim_create_user_command('Completer', function(command)
  require('completer.command').run(command.fargs)
end, {
  nargs = '+',
  desc = 'Turn completions on or off, or look at the server',
  complete = function(lead, line)
    return require('completer.command').complete(lead, line)
  end,
})

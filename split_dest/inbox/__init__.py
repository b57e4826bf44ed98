"""The only package that knows Redis keys: what is accepted, claimed, settled, set aside, counted.

Keys, each below ``sd:<destination or source>:``

========================  ======================================================================================
``<lane>:stream``         the messages, as a stream; consumer group ``drains``, one consumer a slot
``<lane>:drain:<slot>``   ``queued:<job id>``, or the token of the drain that runs; gone while it sleeps
``<lane>:rest``           a hash: until when the lane rests, why, and the refusals in a row
``seen:<period>:<n>``     the claims of a period, 64 bits each, in sets small enough for Redis to keep as integers
``seen:periods``          a hash: a period's number -> ``<when it ends> <when its claims expire>``
``dead``                  the dead letters, as a stream
``counts``                a hash: ``<lane>:received``, ``:delivered``, ``:filtered:<reason>`` and so on, and
                          ``:oldest_ms``, when the lane's oldest message was stored
``imports``               a hash: a file's digest -> ``<line> <accepted> <duplicates> <set aside>``: the line up to
                          which all of it is stored, and the receipt of the last step
``<account>:names``       what Split says of names: traffic types and environments, or a source's flags; by a
                          digest of the Admin API's address, the workspace and the key
``<account>:names:wait``  there while Split is not asked, because it did not answer
========================  ======================================================================================

and ``sd:workers``, the workers' signs of life, and ``sd:forbidden``, how many jobs were left alone, by reason. All
times are Redis's own, in milliseconds, so that the clocks of the other machines do not matter.
"""

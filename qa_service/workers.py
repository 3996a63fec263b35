"""The parent of several workers, which notices at once that one has died."""

import uvicorn  # noqa: TID253 - only a server of several workers imports this module
from uvicorn.supervisors import Multiprocess  # noqa: TID253


class Workers(Multiprocess):
    """Uvicorn's, where the pipe to a worker ends with it.

    The parent asks each worker for a sign of life and waits for the answer. As long as it holds the
    worker's end of the pipe itself, it waits for one that has died meanwhile, too.
    """

    def init_processes(self) -> None:
        """Start them."""
        super().init_processes()
        self._let_go()

    def keep_subprocess_alive(self) -> None:
        """Start others for those that died or are silent."""
        super().keep_subprocess_alive()
        self._let_go()

    def _let_go(self) -> None:
        for process in self.processes:
            process.child_conn.close()


def run_workers(config: uvicorn.Config) -> None:
    """Serve until asked to end."""
    Workers(config, sockets=[config.bind_socket()]).run()

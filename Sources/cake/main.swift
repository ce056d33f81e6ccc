print("cake")
